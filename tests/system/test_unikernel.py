"""The unikernel: one program in ring 0 with its kernel. What must be as in the other kernels, and what must differ."""
import contextlib
import hashlib
import os
import pathlib
import re
import subprocess
import threading

import donors
import paths
import rootfs
import support
import test_runtimes
import trees
from patience import stretched
from support import case

REPORTS = test_runtimes.PROGRAMS


def suites(short, _options):
    return support.make_suites(__name__, short, "unikernel: one program in ring 0")


def program(name, *flags, folder=pathlib.Path(__file__).parent / "programs"):
    """A static program of tests/system/programs, built with the system's musl; the path of the executable."""
    source = folder / f"{name}.c"
    target = paths.BUILD / "test-programs" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(f".{threading.get_native_id()}")
    subprocess.run(["musl-gcc", "-static", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", str(fresh), str(source), "-lpthread"],
                   check=True)
    fresh.replace(target)
    return str(target)


def relocated_program():
    """ring0.c as a static program that is loaded anywhere (static PIE)."""
    target = paths.BUILD / "test-programs" / f"ring0-pie-{threading.get_native_id()}"
    source = pathlib.Path(__file__).parent / "programs" / "ring0.c"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-static-pie", "-O2", "-o", str(target), str(source), "-lpthread"], check=True)
    return target


def library_compiler():
    """user/libc's compiler, its library built first if need be."""
    source = donors.fetch("musl").parent
    inputs = sorted((paths.ROOT / "user" / "libc").glob("**/*.*"))
    version = hashlib.sha256(b"".join(path.read_bytes() for path in inputs)).hexdigest()[:12]
    folder = paths.BUILD / f"libc-{version}"
    with donors.alone("libc"):
        subprocess.run([str(paths.ROOT / "user" / "libc" / "build.py"), str(source), str(folder)], check=True)
    return str(folder / "bin" / "vari-cc")


def lua():
    """Debian's Lua as one static program on user/libc."""
    source = donors.fetch("lua-source").parent
    compiler = library_compiler()
    target = paths.BUILD / "test-programs" / "lua"
    target.parent.mkdir(parents=True, exist_ok=True)
    files = [str(path) for path in sorted(source.glob("l*.c")) if path.name not in ("luac.c", "ltests.c")]
    subprocess.run([compiler, "-O2", "-s", "-DLUA_USE_POSIX", "-o", f"{target}.{threading.get_native_id()}", *files, "-lm"], check=True)
    os.replace(f"{target}.{threading.get_native_id()}", target)
    return str(target)


class Unikernel(support.Vari):
    """./vari run unikernel --app."""

    def __init__(self, preset, kernel="unikernel"):
        super().__init__(preset, kernel)

    def app(self, path, line, *arguments, **how):
        """Runs a program with an argument line."""
        return self.exec(line, "--app", path, *arguments, **how)

    def ring0(self, line, *arguments, **how):
        """A test of ring0.c."""
        return self.app(program("ring0"), f"ring0 {line}", *arguments, **how)


def unikernel(function):
    """The case gets a Unikernel of the same build."""
    def run(vari):
        return function(built(vari.preset, "unikernel"))
    run.__name__ = function.__name__
    return run


def built(preset, kernel):
    """One of the unikernels."""
    import building
    building.build(preset, kernel)
    return Unikernel(preset, kernel)


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
    relocated = relocated_program()
    for line in ("hello", "threads 8", "faults"):  # with the machine's glibc
        done = vari.app(relocated, f"ring0 {line}", "--smp", 2)
        assert done.status == 0, f"{line}: {done}"
    relocated.unlink()


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
def single_steps(vari):
    """The trap flag through calls by trap and by gate; in the monolithic kernel, too, by trap."""
    done = vari.ring0("single_steps")
    assert (done.status, done.out) == (0, "single steps: right\n"), done


@case(everywhere=True)
def facts_in_the_monolithic_kernel(vari):
    """There the same calls are answered without a trap to C++: across fork, reparenting, single steps."""
    import building
    building.build(vari.preset, "monolithic")
    with support.root_with({"ring0": (0o755, pathlib.Path(program("ring0")).read_bytes())}) as root:
        done = vari.exec("/ring0 family && /ring0 single_steps && /ring0 vectors", "--root", root, "--smp", 2)
    assert (done.status, done.out) == (0, "family: right\nsingle steps: right\nvectors: kept\n"), done


@case
@unikernel
def stack_overflow(vari):
    done = vari.ring0("overflow")
    assert (done.status, done.out) == (0, "overflow: signal 11\n"), done


@case
@unikernel
def a_fault_ends_the_program(vari):
    done = vari.ring0("crash")
    assert done.status == 128 + 11, done
    assert "signal 11 at 10" in done.err and " main+0x" in done.err, done
    done = vari.ring0("faults")  # by handlers: nothing to tell
    assert "fault" not in done.err, done


@case
@unikernel
def null_calls_are_short(vari):
    done = vari.app(program("null_calls", folder=paths.ROOT / "bench"), "null_calls", "--icount", timeout=120)
    rows = {name: float(value) for name, value in re.findall(r"^row (\w+) ([\d.]+)$", done.out, re.M)}
    assert rows["loop"] == 3.0, rows
    assert rows["null_call_trap"] <= 30, rows
    assert rows["null_call_gate"] - 2 <= 10, rows  # without the loop's own two


@case
@unikernel
def main_is_reached_soon(vari):
    done = vari.ring0("clock", "--icount")
    log = (paths.RUNS / "last.log").read_text(errors="replace")
    instructions = int(re.search(r"main at (\d+)", done.out)[1]) - int(re.search(r"entered at tsc (\d+)", log)[1])
    assert instructions <= 5_000_000, instructions


@contextlib.contextmanager
def kept_image(vari, path, line):
    """The image of a run, which must succeed."""
    image = paths.BUILD / "test-programs" / f"kept-{threading.get_native_id()}-{pathlib.Path(path).name}.elf"
    done = subprocess.run(vari.command("--app", path, "--exec", line), env={**os.environ, "VARI_KEEP_IMAGE": str(image)},
                          stdout=subprocess.PIPE, check=False)
    assert done.returncode == 0, done
    yield image
    image.unlink()


@case
@unikernel
def lua_is_small(vari):
    """An interpreter with its kernel: less than 1 MiB, where the kernel has the calls that it needs; works in 4 MiB of memory."""
    program_path = lua()
    small = built(vari.preset, "unikernel_small")
    for kernel, limit in ((small, 1 << 20), (vari, 1_300_000)):
        with kept_image(kernel, program_path, "lua -e 'print(1)'") as image:
            assert image.stat().st_size <= limit, (kernel.kernel, image.stat().st_size)
        done = kernel.app(program_path, "lua -e 'local s = 0 for i = 1, 1000 do s = s + i end print(s)'", "--mem", "4M")
        assert (done.status, done.out) == (0, "500500\n"), done


@case
@unikernel
def calls_by_groups(vari):
    """A group that a kernel's page does not name: its calls fail with ENOSYS, once with a line in the log; where it is named, they work."""
    small = built(vari.preset, "unikernel_small")
    told = "".join(f"call {call} belongs to the group {group}, which this kernel leaves out\n"
                   for call, group in (("eventfd2", "events"), ("mq_open", "queues")))
    for kernel, expected in ((small, "-38 -38 0\n" + told), (vari, "3 4 0\n")):
        done = kernel.ring0("groups")
        assert (done.status, done.out) == (0, expected), done


@case
@unikernel
def only_named_groups_are_linked(vari):
    """By the linker's maps: what a page does not name is not in the image; the negative control is the other page's."""
    built(vari.preset, "unikernel_small")
    maps = {kernel: paths.image(kernel, vari.preset).with_suffix(".map").read_text() for kernel in ("unikernel", "unikernel_small")}
    for part in ("call_socket", "QueueInode", "wait_epoll", "call_semop", "call_process_vm_readv"):
        assert part in maps["unikernel"], part
        assert not re.search(rf"^.*\.text\.\S*{part}", maps["unikernel_small"], re.M), part


@case
@unikernel
def busybox_image(vari):
    """The image is the kernel and the program, and at most a tenth more."""
    busybox = pathlib.Path(donors.fetch("busybox"))
    with kept_image(vari, busybox, "true") as image, kept_image(vari, program("ring0"), "ring0 hello") as small:
        kernel = small.stat().st_size - pathlib.Path(program("ring0")).stat().st_size
        assert image.stat().st_size <= (kernel + busybox.stat().st_size) * 1.1, (image.stat().st_size, kernel)


@case
@unikernel
def only_what_is_referenced(vari):
    """By the linker's map: no ACPICA interpreter, screen, keyboard, ring 3; the negative control is the monolithic kernel's."""
    import building
    building.build(vari.preset, "monolithic")
    maps = {kernel: paths.image(kernel, vari.preset).with_suffix(".map").read_text() for kernel in ("unikernel", "monolithic")}
    for part in ("component_screen", "component_ps2_keyboard", "acpi_power.cc", "machine_ring3", ".text.acpi_ps_parse_loop"):
        assert part not in maps["unikernel"], part
        assert part in maps["monolithic"], part
    for part in ("machine_ring0", "port_power.cc"):
        assert part in maps["unikernel"] and part not in maps["monolithic"], part


@case
@unikernel
def same_personality_as_monolithic(vari):
    """
    Every function of the personality that this image has, the other has too, byte for byte in size: they link one
    library. What only the other has is the group of calls that this kernel's page leaves out (TraceCalls): by the
    linker's map it comes from that group's sources and from no others.
    """
    import building
    building.build(vari.preset, "monolithic")

    def functions(kernel):
        listing = subprocess.run(["nm", "-S", str(paths.image(kernel, vari.preset))], stdout=subprocess.PIPE, text=True,
                                 check=True).stdout
        return set(re.findall(r"^[0-9a-f]+ ([0-9a-f]+) [tTwW] (\S*4vari5linux\S*)$", listing, re.M))

    ours, theirs = functions("unikernel"), functions("monolithic")
    assert ours <= theirs and len(ours) > 1000, (len(ours), sorted(ours - theirs)[:5])
    missing = {name for _size, name in theirs - ours}
    text = paths.image("monolithic", vari.preset).with_suffix(".map").read_text()
    sources = {name: set(re.findall(rf"\((\w+\.cc)\.obj\):\(\S*{name}\)", text)) for name in missing}
    tracing = {"trace_calls.cc", "traced_calls.cc", "traced_registers.cc", "tracing.cc"}
    assert any("call_ptrace" in name for name in missing), missing
    assert all(places and places <= tracing for places in sources.values()), sources


@case
@unikernel
def same_nucleus_as_monolithic(vari):
    """By the linker's maps: both images are made of the same objects of the same libraries (K01)."""
    import building
    building.build(vari.preset, "monolithic")

    def objects(kernel, library):
        text = paths.image(kernel, vari.preset).with_suffix(".map").read_text()
        return set(re.findall(rf"(\S*lib{library}\.a\(\w+\.(?:cc|S)\.obj\))", text))

    for library in ("nucleus", "runtime", "machine"):
        ours, theirs = objects("unikernel", library), objects("monolithic", library)
        assert ours == theirs and ours, (library, sorted(ours ^ theirs))
    assert len(objects("unikernel", "nucleus")) > 20
    # The negative control: what is not the same is seen to differ.
    assert objects("unikernel", "machine_ring0") and not objects("monolithic", "machine_ring0")


@case
@unikernel
def library_that_calls(vari):
    """Programs of user/libc: calls by the gate here, by the instruction in the monolithic kernel and in Linux."""
    source = pathlib.Path(__file__).parent / "programs" / "ring0.c"
    target = paths.BUILD / "test-programs" / f"ring0-libc-{threading.get_native_id()}"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([library_compiler(), "-O2", "-o", str(target), str(source)], check=True)
    listing = subprocess.run(["objdump", "-d", "--disassemble=getpid", str(target)], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    assert re.search(r"call +\*.*__sysinfo", listing) and "syscall" not in listing, listing
    for line in ("hello", "threads 8", "gate", "red_zone", "vectors"):
        done = vari.app(target, f"ring0 {line}", "--smp", 2, timeout=120)
        assert done.status == 0, f"{line}: {done}"
    for line in ("hello", "threads 8", "vectors"):
        done = subprocess.run([str(target), *line.split()], stdout=subprocess.PIPE, check=False, timeout=stretched(60))
        assert done.returncode == 0, f"{line}: {done}"
    target.unlink()


def runtime(vari, tree, words, report, *arguments):
    """A language runtime out of Debian's packages, dynamic, as the one program; its report must be as on Linux."""
    folder, path = trees.fetch(tree)
    files = {**rootfs.files_of(folder), report: (0o644, (REPORTS / report).read_bytes())}
    with support.root_with(files) as root:
        done = vari.app(path, words, "--root", root, "--mem", "1G", *arguments, timeout=150)
    assert (done.status, done.out) == (0, (REPORTS / f"{report}.expected").read_text()), done


@case
@unikernel
def runtime_lua(vari):
    runtime(vari, "lua", "lua5.4 /report.lua", "report.lua")


@case
@unikernel
def runtime_javascript(vari):
    runtime(vari, "duktape", "duk /report.js", "report.js")


@case
@unikernel
def runtime_ocaml(vari):
    done = vari.app(test_runtimes.ocaml_program(), "report", "--mem", "1G", timeout=150)
    assert (done.status, done.out) == (0, (REPORTS / "report.ml.expected").read_text()), done


@case
@unikernel
def runtime_standard_ml(vari):
    """With threads, on four cores."""
    runtime(vari, "polyml", "poly --script /report.sml", "report.sml", "--smp", 4)


@case
@unikernel
def runtime_scheme(vari):
    runtime(vari, "gambit", "gsi /report.scm", "report.scm")


@case(everywhere=True)
@unikernel
def a_program_without_a_personality(vari):
    """examples/direct: Vari's own interfaces, and nothing between."""
    import building
    folder = building.build(vari.preset, "example_direct")
    image = folder / "examples" / "direct" / "example_direct.elf"
    done = subprocess.run(["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-smp", "4", "-m", "64M", "-nodefaults",
                           "-no-reboot", "-nic", "none", "-display", "none", "-serial", "stdio", "-kernel", str(image)],
                          stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=stretched(60 * vari.patience), check=False)
    assert (done.returncode, done.stdout) == (0, b"6057 primes below 60000, by 4 threads\r\n"), done


@case
@unikernel
def boots_by_grub(vari):
    done = vari.exec("busybox echo by grub", "--boot", "bios", timeout=120)
    assert (done.status, done.out) == (0, "by grub\n"), done


@case
@unikernel
def image_boots_alone(vari):
    """The image holds the program and its command line: QEMU needs nothing beside it."""
    image = paths.BUILD / "test-programs" / f"alone-{threading.get_native_id()}.elf"
    done = subprocess.run(vari.command("--exec", "echo alone"), env={**os.environ, "VARI_KEEP_IMAGE": str(image)},
                          stdout=subprocess.PIPE, check=False)
    assert done.stdout == b"alone\n", done
    try:
        done = subprocess.run(["qemu-system-x86_64", "-machine", "q35,accel=tcg", "-cpu", "max", "-m", "64M", "-nodefaults",
                               "-no-reboot", "-nic", "none", "-display", "none", "-kernel", str(image), "-serial", "null",
                               "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"],
                              stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=stretched(60), check=False)
        assert b"alone\n" in done.stdout, done
    finally:
        image.unlink()
