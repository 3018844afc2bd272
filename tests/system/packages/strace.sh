# A tracer of calls: a pipeline with all its processes, calls changed on the way, signals, a process that runs already.
cd /tmp
strace -f -o out sh -c 'echo one; cat /etc/passwd | wc -l; exit 3'; echo status $?
grep -o 'execve("[^"]*"' out | sort | uniq -c
grep -o 'exited with [0-9]*' out | sort | uniq -c
strace -e trace=open,openat -o out cat /nowhere 2>&1; grep -o 'open.*nowhere.*' out | sed 's/.*) *=/=/'
strace -e trace=getuid -e inject=getuid:retval=1234 -o out id -u; grep -o '= 1234 (INJECTED)' out | head -1
strace -e trace=none -o out sh -c 'trap "echo trapped" USR1; kill -USR1 $$; kill -TERM $$' 2>/dev/null; echo status $?
sed -n -e 's/si_pid=[0-9]*/si_pid=N/' -e '/SIG/p' out
rm out
sleep 1000 &
strace -o out -p $! 2>/dev/null &
while ! [ -s out ]; do sleep 0.1; done
kill -INT %2; wait %2
kill -0 %1 && echo it sleeps on
kill %1
strace -c -o out true; grep -c execve out
