# Bash itself: arrays, process substitution, coproc, here documents, traps, job control, redirections.
set -e; [ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
declare -A map=([one]=1 [two]=2); echo "${map[one]} ${map[two]} ${#map[@]}"
diff <(seq 1 3) <(seq 1 4) || echo differ
coproc cat; echo through >&${COPROC[1]}; read -r line <&${COPROC[0]}; echo "$line"; eval "exec ${COPROC[1]}>&-"; wait
cat <<EOF > /tmp/here
$((6 * 7)) $(echo nested $(echo deeper))
EOF
cat /tmp/here; mapfile -t lines < <(printf 'a\nb\nc\n'); echo "${lines[*]^^}"
trap 'echo trapped' USR1; kill -USR1 $$; trap - USR1
for i in 1 2 3 4; do (exit $i) & pids+=($!); done; for pid in "${pids[@]}"; do wait $pid || echo "status $?"; done
exec 7<>/tmp/both; echo written >&7; exec 7<&-; read -r back < /tmp/both; echo "$back"
set -o noclobber; (echo no > /tmp/both) 2>/dev/null || echo kept; set +o noclobber
shopt -s globstar nullglob extglob
mkdir -p /tmp/g/a/b; touch /tmp/g/{1..3}.txt /tmp/g/a/b/4.txt; cd /tmp/g; echo **/*.txt !(1*|a)
mkfifo /tmp/p; (echo fifo > /tmp/p) & read -r line < /tmp/p; echo "$line"; wait
printf '%s\n' {1..1000} | while read -r n; do echo $((n * n)); done | sort -n | tail -1
[[ /tmp/here -nt /etc/passwd && -p /tmp/p && abc =~ ^a(.)c$ ]] && echo "${BASH_REMATCH[1]}"
echo data | tee >(wc -c > /tmp/count) > /dev/null; until [[ -s /tmp/count ]]; do :; done; cat /tmp/count
ulimit -n 64; ulimit -n; umask 077; touch /tmp/private; ls -l /tmp/private | cut -c1-10
timeout 100 bash -c 'while ! [[ -e /tmp/flag ]]; do :; done; echo seen' & touch /tmp/flag; wait; time_format='' ; echo done
