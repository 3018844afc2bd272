#!/bin/sh
# Runs busybox's own test suite (testsuite/ of its source package) on the packaged binary, as its runtest does,
# but with links made once and a limit on each applet's time, so that one hang costs one applet.
# Arguments: applets; none: all of the suite. Prints "== APPLET" before each applet's verdicts.
hostname vari
export SHELL=/bin/sh bindir=/suite tsdir=/suite/testsuite LINKSDIR=/suite/links VERBOSE= LC_ALL=C TZ=UTC0
cd $tsdir || exit 1
mkdir $LINKSDIR
for name in $(/bin/busybox --list); do ln -s /bin/busybox $LINKSDIR/$name; done
OPTIONFLAGS=:$(sed -nr 's/^CONFIG_//p' $bindir/.config | sed 's/=.*//' | tr '\n' ':')
export OPTIONFLAGS
PATH=$LINKSDIR:$tsdir:$bindir:$PATH

old_style() {
  for script in $tsdir/$1/*; do
    name=${script##*/}
    upper=$(echo "$1" | tr a-z A-Z)
    if grep -q "^# CONFIG_$upper is not set$" $bindir/.config; then echo "UNTESTED: $name"; continue; fi
    skip=
    for feature in $(sed -ne 's/^# FEATURE: //p' "$script"); do
      grep -q "^# $feature is not set$" $bindir/.config && skip=1
    done
    if [ $skip ]; then echo "UNTESTED: $name"; continue; fi
    mkdir -p .tmpdir.$1; cd .tmpdir.$1
    if d=$tsdir timeout -s KILL 30 sh -x -e "$script" >out.txt 2>&1 </dev/null; then echo "PASS: $name"; else echo "FAIL: $name"; fi
    cd ..
    rm -rf .tmpdir.$1
  done
}

[ $# -gt 0 ] || set -- $(ls | sed -n 's/\.tests$//p'; for f in *; do [ -d "$f" ] && echo "$f"; done)
for applet in $(for a; do echo $a; done | sort -u); do
  echo "== $applet"
  [ -d $applet ] && old_style $applet
  if [ -f $applet.tests ]; then
    if [ -e $LINKSDIR/$applet ] || [ $applet = parse ] || [ $applet = rx ]; then
      # Into a file: what a killed test leaves behind would hold a pipe open.
      case $applet in bc|dc) limit=1500 ;; *) limit=60 ;; esac  # those two compute for minutes
      timeout -s KILL $limit ./$applet.tests </dev/null >/tmp/verdicts 2>&1
      case $applet in bc|dc) killall -9 $applet 2>/dev/null ;; esac
      grep -E '^(PASS|FAIL|SKIPPED|UNTESTED): ' /tmp/verdicts
    else
      echo "SKIPPED: $applet (not built)"
    fi
  fi
done
echo "== end"
