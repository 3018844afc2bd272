"""The guest's shell in a pseudo-terminal, used as a person uses it."""
import time

import support
from patience import stretched
from support import case


def suites(short, _options):
    return support.make_suites(__name__, short, "an interactive shell through a pseudo-terminal")


PROMPT = r"[#$] (\x1b\[6n)?"


def shell(vari, *arguments, **how):
    """A guest whose prompt has come, asked for plain answers."""
    child = vari.spawn(*arguments, **how)
    child.expect(PROMPT)
    return child


def ask(child, line, pattern=None):
    """Types a line; returns what came before the next prompt."""
    child.send(line + "\r")
    child.expect_exact(line.split("\r")[0][:40])
    if pattern:
        child.expect(pattern)
    child.expect(r"\r\n[^\r\n]*" + PROMPT)
    return child.before


def start(child, command, before=""):
    """Types a command, and waits until it has the terminal: keys that come sooner are the shell's."""
    child.send(f"sh -c '{before}echo u\"\"p; {command}'\r")
    child.expect(r"\nup\r?\n")


def leave(child):
    """Ctrl-A x."""
    import pexpect
    child.send("\x01x")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, f"left with status {child.exitstatus}: {child.before}"


@case(everywhere=True)
def ls_and_pipelines(vari):
    child = shell(vari)
    assert "busybox" in ask(child, "ls -l /bin/busybox")
    assert "HELLO" in ask(child, "echo hello | tr a-z A-Z | cat")
    assert "3" in ask(child, "printf 'a\\nb\\nc\\n' | sort -r | wc -l")
    leave(child)


@case
def control_c_ends_a_program(vari):
    child = shell(vari)
    start(child, "exec sleep 1000")
    child.send("\x03")
    child.expect(PROMPT)
    assert "130" in ask(child, "echo status $?")
    leave(child)


@case
def control_d_ends_input(vari):
    child = shell(vari)
    start(child, "cat | wc -l")
    child.send("one\rtwo\r\x04")
    child.expect(r"\n\s*2\s*\r\n")
    child.expect(PROMPT)
    leave(child)


@case(everywhere=True)
def control_z_and_fg(vari):
    child = shell(vari)
    start(child, "exec sleep 3")
    child.send("\x1a")
    child.expect("Stopped")
    child.expect(PROMPT)
    assert "sleep 3" in ask(child, "jobs")
    child.send("fg\r")
    child.expect("sleep 3")
    child.expect(PROMPT)
    assert "status 0" in ask(child, "echo status $?")
    leave(child)


@case
def control_d_at_the_beginning_of_a_line(vari):
    child = shell(vari)
    start(child, "exec cat")
    child.send("line\r")
    child.expect("\nline")
    time.sleep(0.5)
    child.send("\x04")  # one must do, whatever call cat copies with
    child.expect(PROMPT)
    assert "status 0" in ask(child, "echo status $?")
    leave(child)


@case
def control_backslash_quits(vari):
    child = shell(vari)
    start(child, "exec sleep 1000")
    child.send("\x1c")
    child.expect("Quit")
    child.expect(PROMPT)
    assert "131" in ask(child, "echo status $?")
    leave(child)


@case
def a_background_reader_stops(vari):
    child = shell(vari)
    ask(child, "cat &")
    for _ in range(20):
        if "Stopped (tty input)" in ask(child, "jobs"):
            break
        time.sleep(0.5)
    assert "Stopped (tty input)" in child.before, child.before
    ask(child, "kill -9 %1; wait; echo gone", "gone")
    leave(child)


@case
def history_and_completion(vari):
    child = shell(vari)
    assert "made of words" in ask(child, "echo made of words")
    child.send("\x1b[A\x1b[D\x1bOD\x7fX\r")  # up, twice left, erase, X
    child.expect("\nmade of woXds")
    child.expect(PROMPT)
    child.send("echo /etc/pas\t\r")
    child.expect("\n/etc/passwd")
    child.expect(PROMPT)
    leave(child)


@case
def a_large_paste_is_whole(vari):
    child = shell(vari)
    lines = [f"{number:06d} {'x' * 40}" for number in range(1500)]
    start(child, "sleep 3; exec cat >/tmp/pasted", before="stty -echo; ")  # the paste comes while nobody reads
    child.send("\r".join(lines) + "\r\x04")
    child.expect(PROMPT)
    child.send("md5sum /tmp/pasted\r")
    child.expect(r"([0-9a-f]{32})  /tmp/pasted")
    import hashlib
    assert child.match[1] == hashlib.md5(("\n".join(lines) + "\n").encode()).hexdigest()
    child.expect(PROMPT)
    leave(child)


@case
def our_terminal_is_sane_afterwards(vari):
    import pexpect
    command = " ".join(vari.command())
    child = pexpect.spawn("/bin/sh", ["-c", f"stty -a >/tmp/.vari-$$; {command}; stty -a | cmp - /tmp/.vari-$$ && echo as it was; rm /tmp/.vari-$$"],
                          timeout=stretched(60 * vari.patience), encoding="utf-8", codec_errors="replace", echo=False)
    child.expect(PROMPT)
    child.send("exit\r")
    child.expect("as it was")
    child.expect(pexpect.EOF)


@case
def background_jobs(vari):
    child = shell(vari)
    ask(child, "sleep 1 & sleep 2 & wait; echo all over", "all over")
    assert "Running" in ask(child, "sleep 30 & jobs")
    ask(child, "kill %1; wait; echo killed", "killed")
    leave(child)


@case
def vi_edits_and_saves(vari):
    child = shell(vari)
    child.send("vi /tmp/note\r")
    child.expect("- /tmp/note")  # vi's last line tells its state; an escape and what follows it must not come together
    child.send("ifirst line\rsecond line\x1b")
    child.expect("- /tmp/note.*2/2")
    child.send("1G")
    child.expect("- /tmp/note.*1/2")
    child.send("x:wq\r")  # the first letter goes
    child.expect(PROMPT)
    text = ask(child, "cat /tmp/note; echo end-of-note", "end-of-note")
    shown = ask(child, "wc -l /tmp/note")
    assert "2 /tmp/note" in shown, (text, shown)
    assert "1" in ask(child, "grep -c '^irst line' /tmp/note")
    leave(child)


@case
def top_shows_processes(vari):
    child = shell(vari)
    child.send("top\r")
    child.expect("Mem: ")
    child.expect("COMMAND")
    child.expect("top")
    child.send("q")
    child.expect(PROMPT)
    leave(child)


@case
def less_pages(vari):
    child = shell(vari)
    child.send("seq 200 | less\r")
    child.expect("23")
    time.sleep(0.5)
    child.send("G")
    child.expect("200")
    child.send("q")
    child.expect(PROMPT)
    leave(child)


def has_size(child, size):
    """Whether the guest's terminal gets that size: it travels by the host channel, beside what we type."""
    for _ in range(60):
        if size in ask(child, "stty size"):
            return True
        time.sleep(0.5)
    return False


@case
def window_size_reaches_the_guest(vari):
    child = shell(vari, dimensions=(33, 101))
    assert has_size(child, "33 101"), child.before
    child.setwinsize(40, 120)
    assert has_size(child, "40 120"), child.before
    leave(child)


@case
def line_editing(vari):
    child = shell(vari)
    start(child, "exec cat")
    child.send("abX\x7fc\r")
    child.expect("\nabc")
    child.send("wrong\x15right\r")
    child.expect("\nright")
    child.send("\x04")
    child.expect(PROMPT)
    leave(child)


@case
def the_shells_exit_ends_the_machine(vari):
    import pexpect
    child = shell(vari)
    child.send("exit 5\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus in ((0,) if vari.kernel == "linux" else (5,)), child.exitstatus


@case
def a_pipe_as_terminal(vari):
    done = vari.run(stdin=b"echo piped in | rev\n")
    assert "ni depip" in done.out, done


@case(everywhere=True)
def poweroff_asks_init(vari):
    """Programs are told to end, those that stay are killed, and the machine is off."""
    import pexpect
    child = shell(vari)
    child.send("sh -c 'trap \"echo to\"\"ld\" TERM; echo u\"\"p; while :; do sleep 1000; done' &\r")
    child.expect(r"up\r?\n")
    child.send("poweroff\r")
    child.expect("told")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, f"left with status {child.exitstatus}: {child.before}"


@case
def reboot_asks_init(vari):
    """The machine is started again, which ends this QEMU; other signals to init do nothing."""
    import pexpect
    child = shell(vari)
    assert "status 0" in ask(child, "kill -HUP 1; kill -KILL 1; kill -STOP 1; kill -INT 1; echo status $?")
    child.send("reboot\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, f"left with status {child.exitstatus}: {child.before}"
