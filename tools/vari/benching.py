"""`./vari bench`: instructions an operation, boot costs and memory, beside lean Linux in the same QEMU.

The meter is QEMU's instruction counter (--icount: one instruction is one tick of the TSC); each run is void
unless its loop of three instructions reads 3.0. Both kernels run the same static program (bench/bench.c).
Results go to build/bench as report.md and results.json. Linux's figures are kept by the hash of what made
them: the meter is deterministic, so they need no second run.
"""
import hashlib
import json
import os
import re
import subprocess
import time

import building
import donors
import linux_peer
import machine
import packages
import paths
import rootfs
import session
from running import run_folder
from say import Failure, progress, say

# Figures to reach: (row, at most, unit).
GOALS = {"getppid": 120, "boot": 100e6, "ram_at_prompt": 8 << 20, "least_memory": 16 << 20, "metadata_1g": 0.0065,
         "metadata_64g": 0.0065, "image": 1 << 20}
BENCH_SOURCES = sorted((paths.ROOT / "bench").glob("*.[ch]"))
# What bench.c measures is listed there and nowhere else.
BENCH = ["calibration", *re.findall(r'(?m)^    \{"(\w+)", ', (paths.ROOT / "bench" / "bench.c").read_text())]
EVENTS = {"cr3_loads": "CR3 loads", "invlpg": "invlpg", "ipis_sent": "IPIs", "traps": "faults", "interrupts": "interrupts",
          "switches": "switches"}


class Options:
    """The options of a run, as much as Machine and the sessions ask for."""

    def __init__(self, **given):
        self.mem, self.smp, self.cpu, self.icount, self.display = "512", 1, None, True, None
        self.qemu_args, self.timeout = None, 600
        self.__dict__.update(given)


class Peer:
    """One of the two kernels: how it boots, and how a command runs in it."""

    def __init__(self, name, image, words):
        self.name, self.image, self.words = name, image, words

    def files(self):
        """What its root holds beyond busybox."""
        program = linux_peer.build_static(paths.ROOT / "bench" / "bench.c", paths.BUILD / "peer" / "bench")
        files = {"bench": (0o040755, b""), "bench/bench": (0o755, program.read_bytes()),
                 "etc/profile": (0o644, b"/bench/bench tsc\ncat /proc/meminfo\nexport PS1='prompt# '\n")}
        if self.name == "linux":
            files["init"] = (0o755, linux_peer.first_program().read_bytes())
        return files

    def _machine(self, folder, words, **given):
        options = Options(**given)
        root = folder / "root"
        if not root.exists():
            root.write_bytes(rootfs.busybox_root(donors.fetch("busybox"), self.files()))
        description = machine.Machine(options)
        description.boot_pvh(self.image, [root], " ".join(filter(None, [self.words, words])))
        return options, description

    def exec(self, folder, command, **given):
        """Runs a command; returns its output, or None when it or the guest failed."""
        import base64
        words = "vari.exec=" + base64.b64encode(command.encode()).decode()
        options, description = self._machine(folder, words, **given)
        kind = session.DeterministicCommand if options.icount else session.Command
        guest = kind(description, options, folder)
        reading, writing = os.pipe()
        saved = os.dup(1)
        os.dup2(writing, 1)
        os.close(writing)
        text = bytearray()
        import threading
        taker = threading.Thread(target=lambda: [text.extend(piece) for piece in iter(lambda: os.read(reading, 65536), b"")])
        taker.start()
        try:
            status = guest.run()
        except Failure as failure:
            status = failure
        finally:
            os.dup2(saved, 1)
            os.close(saved)
            taker.join()
            os.close(reading)
        return (text.decode(errors="replace"), status)

    def prompt(self, folder):
        """Boots to the shell's prompt; returns what the console showed."""
        options, description = self._machine(folder, "")
        console = folder / "console"
        description.serial_file(console)
        with open(folder / "errors", "wb") as errors:
            process = description.start(errors)
            limit = time.monotonic() + options.timeout
            while process.poll() is None and time.monotonic() < limit:
                if console.exists() and b"prompt# " in console.read_bytes():
                    break
                time.sleep(0.05)
            machine.stop(process)
        return console.read_bytes().decode(errors="replace").replace("\r", "")


def measure_rows(peer, folder, rows, events=None):
    """{row: instructions} of bench.c. `events` takes {row: {event: count}} where the kernel tells."""
    text, status = peer.exec(folder, "/bench/bench " + " ".join(r for r in rows if r != "calibration"))
    found = {name: float(value) for name, value in re.findall(r"(?m)^row (\S+) ([\d.]+)$", text)}
    if abs(found.get("calibration", 0) - 3.0) > 0.02:
        raise Failure(f"{peer.name}: the run is void: three instructions read {found.get('calibration')} ({status})\n{text}")
    if status != 0:
        say(f"{peer.name}: bench ended early: {status}")
    for name, counts in re.findall(r"(?m)^events (\S+) (.*)$", text):
        if events is not None:
            words = counts.split()
            events[name] = dict(zip(words[::2], map(float, words[1::2])))
    return found


def measure_boot(peer, folder):
    """Instructions until the prompt, and memory gone there, with 512 MiB."""
    text = peer.prompt(folder)
    found = {}
    ticks = re.search(r"(?m)^tsc (\d+)$", text)
    free = re.search(r"MemFree:\s+(\d+) kB", text)
    entry = re.search(r"kernel entered at tsc (\d+)", text)
    if ticks:
        found["reset_to_prompt"] = int(ticks[1])
        # Without the kernel's own word of its entry, the firmware's instructions are counted with ours.
        found["boot"] = int(ticks[1]) - int(entry[1]) if entry else int(ticks[1])
    if free:
        found["ram_at_prompt"] = (512 << 20) - (int(free[1]) << 10)
    if not found:
        say(f"{peer.name}: no prompt came; the console ends:\n{text[-800:]}")
    return found


def least_memory(peer, folder, low, high):
    """The smallest -m, in MiB, with which a pipeline works."""
    while low < high:
        middle = (low + high) // 2
        progress(f"{peer.name}: does it work in {middle} MiB?")
        text, status = peer.exec(folder, "seq 100 | gzip | gunzip | tail -1", mem=f"{middle}M", icount=False, timeout=60)
        if status == 0 and text == "100\n":
            high = middle
        else:
            low = middle + 1
    return high << 20


def metadata(peer, folder, gibibytes):
    """Frame metadata, as the kernel itself tells it, as per cent of the machine's RAM."""
    text, _ = peer.exec(folder, "cat /proc/vari/nucleus", mem=f"{gibibytes}G", icount=False, timeout=120)
    found = dict(re.findall(r"(?m)^(\w+) (\d+)$", text))
    if "frame_metadata_bytes" not in found:
        return None
    return 100.0 * int(found["frame_metadata_bytes"]) / (gibibytes << 30)


def image_size(image, acpica="component_acpi"):
    """Bytes of an image that are loaded, without what nm places in the donor's code."""
    text = subprocess.run(["size", "-A", str(image)], stdout=subprocess.PIPE, text=True, check=True).stdout
    loaded = re.findall(r"(?m)^\.(text|rodata|data|symbols)\s+(\d+)", text)
    donor = 0
    for archive in (paths.BUILD / "release").rglob(f"lib{acpica}*.a"):
        totals = subprocess.run(["size", "-t", str(archive)], stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")
        last = [line for line in totals if "(TOTALS)" in line]
        donor += sum(int(word) for word in last[0].split()[:2]) if last else 0
    return max(0, sum(int(size) for _, size in loaded) - donor)


def linux_figures(rows, accept):
    """Linux's figures, measured once for each set of inputs."""
    image = donors.fetch("linux", accept)
    sources = [*BENCH_SOURCES, paths.ROOT / "tools" / "linux_peer" / "init.c"]
    source = b"".join(file.read_bytes() for file in sources)
    key = hashlib.sha256(source + str(image).encode() + linux_peer.LEAN.encode() + " ".join(rows).encode()).hexdigest()[:16]
    kept = paths.BUILD / "bench" / f"linux-{key}.json"
    if kept.exists():
        return json.loads(kept.read_text())
    peer = Peer("linux", image, linux_peer.LEAN)
    with run_folder() as folder:
        progress("linux: rows")
        found = measure_rows(peer, folder, rows)
        progress("linux: boot")
        found |= measure_boot(peer, folder)
        found["least_memory"] = least_memory(peer, folder, 48, 128)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(found))
    return found


def vari_figures(rows, whole, events):
    """Our own figures; `events` takes those of the rows."""
    image = paths.image("monolithic", "release")
    peer = Peer("vari", image, "")
    with run_folder() as folder:
        progress("vari: rows")
        found = measure_rows(peer, folder, rows, events)
        if whole:
            progress("vari: boot")
            found |= measure_boot(peer, folder)
            found["least_memory"] = least_memory(peer, folder, 2, 64)
            for name, gibibytes in (("metadata_1g", 1), ("metadata_64g", 64)):
                progress(f"vari: frame metadata at {gibibytes} GiB")
                found[name] = metadata(peer, folder, gibibytes)
            found["image"] = image_size(image)
    return found


def _shown(row, value):
    if value is None:
        return "-"
    if row in ("ram_at_prompt", "least_memory", "image"):
        return f"{value / (1 << 20):.2f} MiB"
    if row.startswith("metadata"):
        return f"{value:.5f} %"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def report(ours, theirs):
    """The table, as Markdown."""
    lines = ["| row | Vari | lean Linux | Vari/Linux | goal |", "| --- | --- | --- | --- | --- |"]
    for row in dict.fromkeys([*ours, *theirs]):
        mine, other = ours.get(row), theirs.get(row)
        ratio = f"{mine / other:.2f}" if mine and other else "-"
        goal = GOALS.get(row)
        verdict = "" if goal is None else f"at most {_shown(row, goal)}: " + ("?" if mine is None else "met" if mine <= goal else "missed")
        lines.append(f"| {row} | {_shown(row, mine)} | {_shown(row, other)} | {ratio} | {verdict} |")
    return "\n".join(lines)


def event_report(events):
    """What instructions do not show: events an operation, as Markdown. Rows with switches of address space first."""
    lines = ["| row | " + " | ".join(EVENTS.values()) + " |", "| --- |" + " --- |" * len(EVENTS)]
    for row, counts in sorted(events.items(), key=lambda item: -item[1].get("cr3_loads", 0)):
        lines.append(f"| {row} | " + " | ".join(f"{counts.get(event, 0):.2f}" for event in EVENTS) + " |")
    return "\n".join(lines)


def run(options):
    """The command itself."""
    packages.require("build", "run", "bench")
    unknown = [row for row in options.row if row not in BENCH]
    if unknown:
        raise Failure(f"no such row: {', '.join(unknown)}; there are: {', '.join(BENCH)}", status=2)
    rows = options.row or BENCH
    building.build("release", "monolithic")
    events = {}
    ours = vari_figures(rows, not options.row, events)
    theirs = {} if options.no_linux else linux_figures(rows, options.accept_donor)
    table = report(ours, theirs)
    folder = paths.BUILD / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    counted = event_report(events)
    (folder / "report.md").write_text(f"# Instructions an operation, memory, boot\n\n{table}\n\n"
                                      f"# Vari's events an operation\n\n{counted}\n")
    (folder / "results.json").write_text(json.dumps({"vari": ours, "linux": theirs, "events": events}, indent=1))
    print(f"{table}\n\n{counted}")
    say(f"kept in {folder}")
    return 0
