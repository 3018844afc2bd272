"""Boots of kernel_tests on machines of which the host knows more than the kernel: what the loader gave it, NUMA
nodes, a clock that counts instructions. The kernel tells and judges; this judges once more from outside.
"""
import pathlib
import time

import building
import iso
import packages
from kernel_suite import boot
from suites import Job, Result

PRESETS = ("release", "gcc-release")
# Under -icount the processor calls itself Intel's: only then does QEMU have SYSENTER in 64-bit mode (K11).
COUNTING = {"icount": True, "cpu": "max,-erms,vendor=GenuineIntel"}
NODES = ("-object memory-backend-ram,id=near,size=128M -object memory-backend-ram,id=far,size=128M "
         "-numa node,nodeid=0,cpus=0-1,memdev=near -numa node,nodeid=1,cpus=2-3,memdev=far")
WORDS = "test=boot_information_is_told word=1 other.word=a+b/c== last"


def _job(name, work):
    def run():
        start = time.monotonic()
        wrong = work()
        yield Result(name, "FAIL" if wrong else "PASS", time.monotonic() - start, wrong)
    return Job(name, run)


def fnv(data):
    """FNV-1a, 64 bits, as tests/kernel/boot_information.cc has it."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def module_lines(modules):
    """What the kernel must tell of modules: [(bytes, text)]."""
    return [f"{len(data)} {fnv(data)} {text}".rstrip() for data, text in modules]


def _memory_is(done, low, high):
    """Usable ranges against the machine's: all of `low` bytes but for firmware's part of the last MiB and of the
    first, and exactly `high` bytes from 4 GiB on."""
    ranges = [line.split() for line in done.told("boot range")]
    usable = [(int(begin), int(size)) for begin, size, kind in ranges if kind == "usable"]
    above = sum(size for begin, size in usable if begin >= 4 << 30)
    below = sum(size for begin, size in usable if begin < 4 << 30)
    top = max(begin + size for begin, size in usable if begin < 4 << 30)
    if above != high or not low - (2 << 20) < below <= low or not low - (2 << 20) < top <= low:
        return f"{below} bytes up to {top} and {above} above 4 GiB, not {low} and {high}: {usable}"
    return ""


def _information(preset, how, modules, memory, low, high):
    """A boot whose command line, modules and memory must be what we gave."""
    def describe(description, image, folder):
        files = []
        for number, (data, _) in enumerate(modules):
            path = pathlib.Path(folder) / f"given{number}"
            path.write_bytes(data)
            files.append(path)
        if how == "pvh":
            description.boot_pvh(image, files, WORDS)
        else:
            description.boot_iso(iso.make(image, files, WORDS, pathlib.Path(folder) / "medium.iso"), how == "uefi", folder)

    def work():
        if how != "pvh":
            packages.require("iso")
        done = boot(preset, 1, "", 120, describe, mem=memory)
        if done.failure():
            return done.failure()
        told = [line.rstrip() for line in done.told("boot module")]
        if told != module_lines(modules):
            return f"modules {told}, not {module_lines(modules)}"
        spoilt = [(bytes([data[0] ^ 1]) + data[1:], text) for data, text in modules]
        if modules and told == module_lines(spoilt):  # the negative control: a bit is seen
            return "a module with another first byte has the same hash"
        if [line.strip() for line in done.told("boot command_line")] != [WORDS]:
            return f"command line {done.told('boot command_line')}"
        return _memory_is(done, low, high)
    return work


def _nodes(preset):
    def work():
        done = boot(preset, 4, "test=frames_are_local_to_the_node_of_their_core", 120, qemu_args=NODES)
        full = boot(preset, 4, "test=a_full_node_takes_from_others", 120, qemu_args=NODES)
        one = boot(preset, 4, "test=frames_are_local_to_the_node_of_their_core", 120)
        wrong = done.failure() or full.failure() or one.failure()
        found = done.figures()
        expected = {"numa_nodes": 2, "numa_local_percent": 100, "numa_local_percent_when_asked_elsewhere": 0}
        if not wrong and not expected.items() <= found.items():
            wrong = f"{found}, not {expected}"
        if not wrong and not 30000 < full.figures()["frames_of_node_1_before_another_node_was_asked"] <= 32768:
            wrong = f"{full.figures()}: a node of 128 MiB has 32768 frames"
        if not wrong and one.figures()["numa_nodes"] != 1:  # the negative control: the nodes come from SRAT
            wrong = f"a machine without nodes has {one.figures()['numa_nodes']}"
        return wrong
    return work


def _frames_at_any_size(preset):
    """The allocator's price with 64 MiB and with 8 GiB, in instructions (K41)."""
    def work():
        prices = {}
        for memory in ("64M", "8G"):
            done = boot(preset, 1, "test=allocating_a_frame_has_a_price", 120, mem=memory, **COUNTING)
            if done.failure():
                return done.failure()
            prices[memory] = done.figures()
        small, large = prices["64M"], prices["8G"]
        for name in ("allocate_frame_ticks", "free_frame_ticks"):
            if not 0 < large[name] <= small[name] + 40:
                return f"{name}: {small[name]} at 64 MiB, {large[name]} at 8 GiB"
        return ""
    return work


def _counting(name, preset):
    """All tests by a clock that counts instructions: there the ones that measure also judge."""
    def run():
        start = time.monotonic()
        done = boot(preset, 1, "", 300, **COUNTING)
        wrong = done.failure()
        needed = ("entry_by_sysenter_ticks", "interrupts_masked_max_ns", "find_ticks_64_gib", "switch_ticks", "instructions_counted")
        missing = [figure for figure in needed if not done.figures().get(figure)]
        yield Result(name, "FAIL" if wrong or missing else "PASS", time.monotonic() - start, wrong or f"no figure {missing}")
    return Job(name, run)


def hints():
    """The loaded paths of this kernel and of one whose fastpath() and slowpath() are swapped (K61): each is shorter as
    it is. The same sources, the same meter."""
    def work():
        prices = {}
        for preset in ("release", "swapped-hints"):
            building.build(preset, "kernel_tests")
            done = boot(preset, 1, "test=loaded_paths_have_a_price", 120, **COUNTING)
            if done.failure():
                return done.failure()
            prices[preset] = done.figures()
        wrong = [name for name, price in prices["release"].items() if not 0 < price < prices["swapped-hints"][name]]
        return f"{wrong} not shorter than with swapped hints: {prices}" if wrong else ""
    yield _job("kernel-hints/swapped", work)


def jobs(name, preset):
    """The jobs of one build."""
    modules = [(bytes(range(256)) * 4001 + b"odd", "root"), (b"\x7f", "module1"), (bytes(4097), "module2")]
    yield _counting(f"{name}/counting_instructions", preset)
    yield _job(f"{name}/numa", _nodes(preset))
    yield _job(f"{name}/frames_at_any_size", _frames_at_any_size(preset))
    yield _job(f"{name}/information_by_pvh", _information(preset, "pvh", [(modules[0][0], "")], "256M", 256 << 20, 0))
    yield _job(f"{name}/information_by_pvh_3_gib", _information(preset, "pvh", [], "3G", 2 << 30, 1 << 30))
    yield _job(f"{name}/information_by_multiboot2", _information(preset, "bios", modules, "256M", 256 << 20, 0))
