# GNU's tools on one tree: copies with attributes, sparse files, links, sorting, splitting, archives, dates.
set -e
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd; umask 022; mkdir -p /tmp/t/a/b; cd /tmp/t
seq 1 2000 > a/numbers; ln a/numbers a/hard; ln -s numbers a/soft; mkfifo a/fifo; chmod 4755 a/numbers; touch -d '2001-02-03 04:05:06.789 UTC' a/b
cp -a a copy; stat -c '%n %F %a %h %s' copy/* | sort; TZ=UTC stat -c '%y' copy/b
truncate -s 1M sparse; printf x | dd of=sparse bs=1 seek=500000 conv=notrunc status=none; cp --sparse=always sparse sparse2; cmp sparse sparse2; du -k sparse2 | cut -f1; stat -c '%s' sparse2
sort -rn a/numbers | head -3 | tr '\n' ' '; echo; shuf -i 1-2000 | sort -n | cmp - a/numbers && echo sorted
split -n 4 a/numbers part.; cat part.* | sha256sum | cut -c1-16; sha256sum < a/numbers | cut -c1-16; rm part.*
tar cf - a | (mkdir x; cd x; tar xpf -); rm a/fifo x/a/fifo; diff -r --no-dereference a x/a && echo same; tar czf a.tgz a; gzip -t a.tgz && tar tzf a.tgz | wc -l
find . -type f -size +1k -printf '%P\n' | sort; find a -links 2 -type f | sort; find . -name 'h*' -exec rm {} +; stat -c %h a/numbers
mv -n a/numbers a/moved; ls a; mv --no-clobber copy/numbers a/moved; ls copy; install -m 640 -o nobody a/moved inst; stat -c '%a %U' inst
comm -12 <(seq 1 5) <(seq 3 8) | paste -sd+; seq 5 | tac | tr '\n' ' '; echo; printf 'b 2\na 1\n' | sort | join - <(printf 'a x\nb y\n')
dd if=/dev/zero of=full bs=64k count=3 status=none; dd if=/dev/zero of=/dev/full bs=1 count=1 status=none 2>/dev/null || echo full
readlink -f a/soft; realpath --relative-to=/tmp/t/x a; mktemp -d -p . XXXX.dir | wc -c; basename /x/y.c .c; id -u; nproc > /dev/null; df /tmp | wc -l
timeout 1 sleep 100 || echo "timeout $?"; env -i A=1 env; date -u -d @0 +%F; expr 3 \* 4; factor 1001; chown nobody a/b; chgrp nogroup a/b; stat -c '%U %G' a/b
head -c 100000 /dev/urandom | base64 | base64 -d | wc -c; od -An -tx1 -N4 <(printf 'abcd'); rm -r /tmp/t; ls /tmp/t 2>&1 || true
