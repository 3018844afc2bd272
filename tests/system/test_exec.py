"""--exec: a command in the guest behaves as a command here, and a guest that fails says so with status 125."""
import support
from patience import stretched
from support import case


def suites(short, _options):
    return support.make_suites(__name__, short, "--exec: streams, status, failures")


@case(everywhere=True)
def output_and_status(vari):
    done = vari.exec("echo hello | tr a-z A-Z; exit 3")
    assert (done.status, done.out) == (3, "HELLO\n"), done


@case(everywhere=True)
def four_processors(vari):
    out = vari.output("cat /proc/cpuinfo", "--smp", 4)
    assert out.count("processor\t:") == 4, out


@case
def streams_are_apart(vari):
    done = vari.exec("echo one; echo two >&2; echo three; echo four >&2")
    assert (done.status, done.out) == (0, "one\nthree\n"), done
    assert "two\nfour\n" in done.err and "one" not in done.err, done


@case
def nothing_else_on_output(vari):
    done = vari.exec("true")
    assert (done.status, done.out) == (0, ""), done


@case
def standard_input(vari):
    text = b"".join(b"line %d\n" % number for number in range(20000))
    done = vari.exec("wc -c; cat; echo end", stdin=text, timeout=120)
    assert done.out == f"{len(text)}\nend\n", done


@case
def binary_input_and_output(vari):
    data = bytes(range(256)) * 64
    import hashlib
    done = vari.exec("tee /tmp/x | md5sum; wc -c </tmp/x", stdin=data)
    assert done.out == f"{hashlib.md5(data).hexdigest()}  -\n{len(data)}\n", done


@case
def icount_repeats_itself(vari):
    """Two runs by the instruction counter say the same to the last digit: times, counts of events, random numbers."""
    command = ("ls -lR /proc/self/ | wc -l; cat /proc/uptime /proc/vari/nucleus; seq 300 | gzip | md5sum; date; "
               "head -c 16 /dev/urandom | md5sum; for i in 1 2 3; do (sleep 0.01; echo $i) & done; wait; cat /proc/stat")
    first, second = (vari.exec(command, "--icount", timeout=120) for _ in range(2))
    assert first.status == 0, first
    assert first == second, f"first: {first}\nsecond: {second}"


@case
def large_output(vari):
    done = vari.exec("seq 100000", timeout=120)
    assert done.out == "".join(f"{number}\n" for number in range(1, 100001)), done.out[-200:]


@case
def killed_by_a_signal(vari):
    done = vari.exec("kill -9 $$")
    assert done.status == 128 + 9, done


@case
def statuses(vari):
    for status in (0, 1, 127, 128, 255):
        done = vari.exec(f"exit {status}")
        assert done.status == status, done
    done = vari.exec("kill -TERM $$")
    assert done.status == 128 + 15, done


@case
def control_c_reaches_the_command(vari):
    if vari.kernel == "linux":
        return "Linux's first program has no channel for signals"
    import pexpect
    line = vari.command("--exec", "trap 'echo caught; exit 7' INT; echo begun; while :; do sleep 1; done")
    child = pexpect.spawn(line[0], line[1:], timeout=stretched(60 * vari.patience), encoding="utf-8", echo=False)
    child.expect("begun")
    child.send("\x03")
    child.expect("caught")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 7, child.exitstatus
    line = vari.command("--exec", "echo begun; sleep 1000")
    child = pexpect.spawn(line[0], line[1:], timeout=stretched(60 * vari.patience), encoding="utf-8", echo=False)
    child.expect("begun")
    child.send("\x03")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130, child.exitstatus
    return None


@case
def closed_standard_input(vari):
    import subprocess
    line = " ".join(f"'{word}'" for word in vari.command("--exec", "cat; echo end", "--timeout", 60 * vari.patience))
    done = subprocess.run(["/bin/sh", "-c", line + " <&-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    assert (done.returncode, done.stdout) == (0, b"end\n"), done


@case
def command_not_found_is_the_shells(vari):
    done = vari.exec("no-such-command")
    assert done.status == 127 and "not found" in done.err, done


@case
def long_command(vari):
    if vari.kernel == "linux":
        return "the command line of Linux ends at 2048 bytes"
    words = " ".join(f"word{number}" for number in range(400))
    assert vari.output(f"echo {words}") == words + "\n"
    # Beyond what a loader's command line holds, and what follows on standard input is still the command's.
    many = " ".join(f"word{number}" for number in range(5000))
    done = vari.exec(f"echo {many}; cat", stdin=b"and more\n")
    assert done.status == 0 and done.out == many + "\nand more\n", (done.status, done.err)
    return None


@case
def a_hang_is_125(vari):
    done = vari.run("--exec", "sleep 1000", timeout=6 / vari.patience)
    assert done.status == 125 and "did not end within" in done.err and not done.out, done


@case
def a_missing_shell_is_125(vari):
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        (support.pathlib.Path(folder) / "empty").write_text("nothing here\n")
        done = vari.exec("true", "--root", folder)
    assert done.status == 125 and "vari:" in done.err and not done.out, done


@case(everywhere=True)
def a_panic_is_125(vari):
    if vari.kernel == "linux":
        return "Linux does not end QEMU when it panics"
    done = vari.exec("true", "--append", "vari.panic=test")
    assert done.status == 125 and "panicked" in done.err and not done.out, done
    return None


@case
def an_unknown_kernel_is_a_message(vari):
    done = support.Vari(vari.preset, "no-such-kernel").exec("true")
    assert done.status == 125 and "there is no kernel" in done.err, done


@case
def same_bytes_twice_under_icount(vari):
    script = "cat /proc/uptime; ls -l /; ps; for i in 1 2 3; do (echo $i; cat /proc/self/stat) & wait; done"
    first = vari.output(script, "--icount", timeout=120)
    second = vari.output(script, "--icount", timeout=120)
    assert first == second and first, f"--- first\n{first}\n--- second\n{second}"
