"""The unikernel: one program in ring 0 with its kernel. What must be as in the other kernels, and what must differ."""
import os
import pathlib
import re
import subprocess

import donors
import paths
import support
from support import case


def suites(short, _options):
    return support.make_suites(__name__, short, "unikernel: one program in ring 0")


def program(name, *flags):
    """A static program of tests/system/programs, built with the system's musl; the path of the executable."""
    source = pathlib.Path(__file__).parent / "programs" / f"{name}.c"
    target = paths.BUILD / "test-programs" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{os.getpid()}")
    subprocess.run(["musl-gcc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", str(fresh), str(source), "-lpthread"],
                   check=True)
    fresh.replace(target)
    return str(target)


class Unikernel(support.Vari):
    """./vari run unikernel --app."""

    def __init__(self, preset):
        super().__init__(preset, "unikernel")

    def app(self, path, line, *arguments, **how):
        """Runs a program with an argument line."""
        return self.exec(line, "--app", path, *arguments, **how)

    def ring0(self, line, *arguments, **how):
        """A test of ring0.c."""
        return self.app(program("ring0"), f"ring0 {line}", *arguments, **how)


def unikernel(function):
    """The case gets a Unikernel of the same build."""
    def run(vari):
        import building
        building.build(vari.preset, "unikernel")
        return function(Unikernel(vari.preset))
    run.__name__ = function.__name__
    return run


@case(everywhere=True)
@unikernel
def busybox_applets(vari):
    for line, expected in (("busybox echo hi", "hi\n"), ("echo 'a  b' \"c d\" e\\ f", "a  b c d e f\n"),
                           ("busybox expr 6 \\* 7", "42\n"), ("cat /etc/hostname", "vari\n"), ("uname -m", "x86_64\n")):
        done = vari.exec(line)
        assert (done.status, done.out) == (0, expected), f"{line}: {done}"


@case
@unikernel
def status_input_and_errors(vari):
    assert vari.exec("false").status == 1
    done = vari.exec("sort -r", stdin=b"a\nc\nb\n")
    assert (done.status, done.out) == (0, "c\nb\na\n"), done
    done = vari.exec("cat /nowhere")
    assert done.status == 1 and "/nowhere" in done.err, done
    done = vari.exec("echo 'open")
    assert done.status == 125 and done.out == "", done


@case
@unikernel
def refusals_of_the_command_line(vari):
    done = vari.app("/nowhere/at/all", "x")
    assert done.status == 125 and "there is no such file" in done.err, done
    done = vari.app(__file__, "x")
    assert done.status == 125 and "not an ELF program" in done.err, done


@case
@unikernel
def static_and_relocated_programs(vari):
    assert vari.app(program("ring0"), "ring0 hello").out == "hello\n"
    busybox = donors.fetch("busybox")
    assert vari.app(busybox, "busybox echo hello").out == "hello\n"


@case(everywhere=True)
@unikernel
def one_address_space(vari):
    done = vari.ring0("other_programs")
    assert done.status == 0 and done.out == "fork -1 Not supported; exec Not supported\n", done


@case(everywhere=True)
@unikernel
def threads_on_four_cores(vari):
    done = vari.ring0("threads 8", "--smp", 4, timeout=120)
    assert done.status == 0 and "threads: 8, sum 1600, cores 4" in done.out, done


@case(everywhere=True)
@unikernel
def faults_become_signals(vari):
    """Null, text, data, wild and non-canonical addresses, invalid instruction, division: all by handlers. W^X with it."""
    done = vari.ring0("faults")
    assert done.status == 0 and "write to text: signal 11 code 2" in done.out, done
    assert "run data: signal 11 code 2" in done.out, done


@case(everywhere=True)
@unikernel
def red_zone_is_whole(vari):
    done = vari.ring0("red_zone", timeout=120)
    assert (done.status, done.out) == (0, "red zone: whole after 100 interrupts\n"), done


@case
@unikernel
def red_zone_needs_interrupt_stacks(vari):
    """The negative control: the program takes the stacks out of the gates, and its red zone is overwritten."""
    done = vari.ring0("red_zone off", timeout=120)
    assert (done.status, done.out) == (1, "red zone: damaged after 100 interrupts\n"), done


@case
@unikernel
def vector_state_is_kept(vari):
    for processors in (1, 4):
        done = vari.ring0("vectors", "--smp", processors, timeout=120)
        assert (done.status, done.out) == (0, "vectors: kept\n"), done


@case
@unikernel
def calls_without_a_trap(vari):
    done = vari.ring0("gate", "--smp", 2, timeout=120)
    assert done.status == 0 and done.out == "gate: writes\ngate: right\n", done
    assert vari.ring0("facts").out == "facts: right\n"


@case
@unikernel
def a_fault_ends_the_program(vari):
    done = vari.ring0("crash")
    assert done.status == 128 + 11, done


@case
@unikernel
def null_calls_are_short(vari):
    done = vari.ring0("bench", "--icount", timeout=120)
    rows = {name: float(value) for name, value in re.findall(r"^(\w+) ([\d.]+)$", done.out, re.M)}
    assert rows["loop"] == 3.0, rows
    assert rows["null_call_trap"] <= 30, rows
    assert rows["null_call_gate"] - 2 <= 10, rows  # without the loop's own two


@case
@unikernel
def image_boots_alone(vari):
    """The image holds the program and its command line: QEMU needs nothing beside it."""
    image = paths.BUILD / "test-programs" / f"alone-{os.getpid()}.elf"
    done = subprocess.run(vari.command("--exec", "echo alone"), env={**os.environ, "VARI_KEEP_IMAGE": str(image)},
                          stdout=subprocess.PIPE, check=False)
    assert done.stdout == b"alone\n", done
    try:
        done = subprocess.run(["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "64M", "-nodefaults",
                               "-no-reboot", "-nic", "none", "-display", "none", "-kernel", str(image), "-serial", "null",
                               "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"],
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert b"alone\n" in done.stdout, done
    finally:
        image.unlink()
