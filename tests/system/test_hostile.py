"""Programs that mean harm: broken images, storms of processes and descriptors, memory without end.

The kernel answers with errors or kills the task, goes on serving, and afterwards has the frames it had before.
"""
import random
import re

import donors
import linux_peer
import paths
import support
from support import case


def suites(short, _options):
    return support.make_suites(__name__, short, "hostile programs, loads, and frames that come back")


# Settles, then prints the free frames: Vari's own count and those that its heap keeps for itself (it grows by 2 MiB),
# or what any kernel tells of its memory. Settled: it has not changed for a second, since what was killed may still be
# on its way out.
FRAMES = """frames() {
  before=none
  for try in 1 2 3 4 5 6 7 8; do
    sleep 1
    now=$(count)
    [ "$now" = "$before" ] && break
    before=$now
  done
  echo $now
}
count() {
  if [ -r /proc/vari/nucleus ]; then awk '/^(frames_free|heap_free)/ {sum += $1 == "frames_free" ? $2 : $2 / 4096} END {print int(sum)}' /proc/vari/nucleus
  else awk '/^MemFree/ {print int($2 / 4)}' /proc/meminfo; fi
}
"""
# A shell's own heap may grow by some pages while a script runs; a leak a repetition would be far more.
SLACK = 64


def same_frames(vari, body, *arguments, timeout=120, slack=SLACK):
    """Runs `body` twice, the first time to warm caches, and compares frames around the second."""
    script = FRAMES + f"body() {{\n{body}\n}}\nbody >/dev/null 2>&1\na=$(frames)\nbody\nb=$(frames)\necho frames $a $b\n"
    out = vari.output(script, *arguments, timeout=timeout)
    match = re.search(r"(?m)^frames (\d+) (\d+)$", out)
    assert match, out
    before, after = int(match[1]), int(match[2])
    limit = slack if vari.kernel != "linux" else 4096
    assert abs(before - after) <= limit, f"{before} frames free before, {after} after:\n{out}"
    return out


@case(everywhere=True)
def a_program_that_ends_gives_all_back(vari):
    same_frames(vari, "for i in $(seq 100); do /bin/busybox true; (exit 1); done")


@case
def files_that_go_give_all_back(vari):
    same_frames(vari, "dd if=/dev/zero of=/tmp/big bs=64k count=256; for i in $(seq 200); do echo $i >/tmp/f$i; done; rm -f /tmp/big /tmp/f*")


@case
def pipes_give_all_back(vari):
    same_frames(vari, "for i in $(seq 30); do seq 500 | cat | sort | tail -1; done")


@case(everywhere=True)
def hostile_images(vari):
    """Busybox with single fields and bytes of its headers changed: any answer, as long as the kernel stays."""
    original = donors.fetch("busybox").read_bytes()
    chance = random.Random(20)
    files = {}
    for number in range(60):
        data = bytearray(original[:0x4000 if number % 3 == 0 else len(original)])
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(16, 64 + 56 * 8)
            data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        if number % 7 == 0:
            data = data[:chance.randrange(4, 600)]
        files[f"hostile/{number:02}"] = (0o755, bytes(data[:0x20000]))
    with support.root_with(files) as root:
        same_frames(vari, "for f in /hostile/*; do timeout 5 $f true </dev/null; done >/dev/null 2>&1", "--root", root,
                    "--mem", "512M", timeout=240, slack=256)


@case(everywhere=True)
def a_fork_bomb(vari):
    """Ends by itself: each process gives up when it cannot fork. The shell that started it must live on."""
    body = "timeout -s KILL 8 sh -c 'b() { b | b & }; b' ; sleep 1; killall -9 sh 2>/dev/null"
    done = vari.exec(f"trap '' TERM\n(ulimit -u 300; {body}) >/dev/null 2>&1; echo alive", "--mem", "128M", timeout=120)
    assert done.status in (0, 137), done
    if done.status == 0:
        assert "alive" in done.out, done


@case
def memory_without_end(vari):
    """A program that wants more than there is gets an error or is killed; the system goes on."""
    done = vari.exec("awk 'BEGIN { s = \"x\"; while (1) s = s s }' 2>&1 | tail -1; echo after; ls / | wc -l", "--mem", "64M", timeout=120)
    assert done.status == 0 and "after\n" in done.out, done


@case
def files_without_end(vari):
    """A file system in memory fills up with ENOSPC or ENOMEM, and empties again."""
    done = vari.exec("dd if=/dev/zero of=/tmp/big bs=1M 2>&1 | tail -1 | wc -l; rm -f /tmp/big; echo again >/tmp/x; cat /tmp/x",
                     "--mem", "64M", timeout=120)
    assert done.status == 0 and "again\n" in done.out, done


@case
def a_descriptor_storm(vari):
    # From 20 on: the shell keeps its own streams at 10 and above while it redirects.
    out = same_frames(vari, "i=20; while [ $i -lt 300 ]; do eval \"exec $i</dev/null\" || break; i=$((i+1)); done; echo opened; "
                            "i=20; while [ $i -lt 300 ]; do eval \"exec $i<&-\"; i=$((i+1)); done")
    assert "opened" in out, out


def pipelines(vari, count, timeout):
    """`count` pipelines at once, each walking the whole tree, /proc of all the others included."""
    done = vari.exec(f'sh -c "for i in \\$(seq {count}); do (ls -R / | gzip | gunzip | wc -l >/dev/null) & done; wait" '
                     "2>/dev/null; echo over", "--smp", 4, timeout=timeout)
    assert (done.status, done.out) == (0, "over\n"), done


@case(everywhere=True, alone=True)
def twenty_pipelines_on_four_cores(vari):
    pipelines(vari, 20, timeout=300)


@case(everywhere=True, long=True, alone=True)
def three_hundred_pipelines_on_four_cores(vari):
    pipelines(vari, 300, timeout=3600)


@case
def unknown_calls_are_counted(vari):
    if vari.kernel == "linux":
        return "a table of Vari's"
    program = linux_peer.build_static(paths.ROOT / "tests" / "system" / "programs" / "call_number.c",
                                      paths.BUILD / "programs" / "call_number")
    with support.root_with({"bin/call_number": (0o755, program.read_bytes())}) as root:
        out = vari.output("cat /proc/vari/unknown_calls; echo before; call_number 400; call_number 400; call_number 39; "
                          "call_number 4000000000; cat /proc/vari/unknown_calls", "--root", root)
    before, _, after = out.partition("before\n")
    answers, counts = after.splitlines()[:4], after.splitlines()[4:]
    assert "400 " not in before and "others" not in before, out
    assert answers[:2] == ["400: -38"] * 2 and "-38" not in answers[2] and answers[3] == "4000000000: -38", out
    assert "400 2" in counts and "others 1" in counts and not any(line.startswith("39 ") for line in counts), out
    return None


def storm(vari, seed, seconds, *arguments):
    """Random calls with hostile arguments, from eight processes at once; see programs/call_storm.c."""
    program = linux_peer.build_static(paths.ROOT / "tests" / "system" / "programs" / "call_storm.c",
                                      paths.BUILD / "programs" / "call_storm")
    with support.root_with({"bin/call_storm": (0o755, program.read_bytes())}) as root:
        # Message queues and new files outlive the programs that made them.
        clean = "mkdir -p /q && mount -t mqueue q /q && rm -rf /q/* && umount /q; cd /; rm -rf /work"
        body = f"mkdir /work && cd /work && call_storm {seed} 8 {seconds}; {clean}"
        out = same_frames(vari, body, "--root", root, *arguments, timeout=120 + 4 * seconds)
    assert "the storm is over" in out, out


@case(everywhere=True)
def a_storm_of_calls(vari):
    storm(vari, 1, 5, "--smp", 4)


@case(long=True)
def long_storms_of_calls(vari):
    for seed, cores in ((1000, 1), (2000, 2), (3000, 4)):
        storm(vari, seed, 60, "--smp", cores)


def rights_storm(vari, seed, rounds, *arguments, timeout=300):
    """Descriptors passed on and closed at random, in rings that only a collector ends; see programs/rights_storm.c."""
    program = linux_peer.build_static(paths.ROOT / "tests" / "system" / "programs" / "rights_storm.c",
                                      paths.BUILD / "programs" / "rights_storm")
    with support.root_with({"bin/rights_storm": (0o755, program.read_bytes())}) as root:
        out = same_frames(vari, f"rights_storm {seed} 12 {rounds}", "--root", root, *arguments, timeout=timeout, slack=2 * SLACK)
    assert "the storm is over" in out, out


@case(everywhere=True)
def a_storm_of_passed_descriptors(vari):
    rights_storm(vari, 1, 2000, "--smp", 4)


@case(long=True)
def long_storms_of_passed_descriptors(vari):
    for seed, cores in ((2, 1), (3, 2), (4, 4)):
        rights_storm(vari, seed, 30000, "--smp", cores, timeout=1200)  # the more is in flight, the longer a round takes


@case
def what_a_bomb_leaves_does_not_keep_the_machine_on(vari):
    """The first program ends in the middle of a storm: memory is short, and yet the machine powers off."""
    done = vari.exec("(b() { b | b & }; b) >/dev/null 2>&1; sleep 3; exit 7", "--mem", "32M", timeout=240)
    assert done.status in (7, 137), done
