# A debugger: breakpoints, watched variables by single steps, calls into the program, a fault, a running process
# with two threads that it attaches to and leaves again.
cd /tmp
gdb -nx -batch -x /job/gdb.commands /job/debugged 2>&1 | sed -e '/^warning/d' -e 's/process [0-9]*/process N/' -e 's/0x[0-9a-f]* in/AT in/' -e 's/=0x7[0-9a-f]*/=THERE/'
/job/debugged wait > out &
while ! grep -q waits out; do sleep 0.1; done
gdb -nx -batch -p $! -ex 'print waiting' -ex 'print $_gthread' -ex 'thread apply all -s print 1' -ex 'set var waiting = 0' /job/debugged 2>/dev/null | grep '^\$'
wait
cat out
