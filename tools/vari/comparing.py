"""`./vari compare`: one command on every kernel, beside Linux in the same QEMU: a table and a plot.

Everything else is held equal: the same program, the same machine, one processor, QEMU's instruction counter
(--icount: one instruction is one tick of the TSC). build/compare gets report.md, results.json and plot.svg.
"""
import html
import json
import os
import subprocess
import sys

import linux_peer
import packages
import paths
from say import Failure, clear, progress, say

COLUMNS = [("ticks", "instructions"), ("traps", "faults"), ("interrupts", "interrupts"), ("switches", "switches"),
           ("cr3_loads", "CR3 loads"), ("boot_ticks", "boot"), ("memory_at_start", "memory at start"),
           ("memory_at_end", "memory at end")]
HOW = """How each number was taken:
- instructions: the time stamp counter under QEMU's `-icount shift=0`, one tick an instruction; from the moment
  before the first program is made until it has been waited for. Linux's include its own start of `sh -c`, as ours do.
- faults: traps of user code other than system calls (Linux: `pgfault` of /proc/vmstat, which knows page faults only).
- switches: Vari: thread switches; Linux: `ctxt` of /proc/stat. CR3 loads: counted by Vari's kernels; Linux does not tell.
- boot: instructions from the kernel's entry to the first program (Linux: from reset, less the firmware's part, which
  is taken from the other kernels' entry, since the same firmware loads all of them).
- memory: frames that are not free, of those that the kernel manages; a kernel's own image is not among Vari's.
- hosted: an ordinary process, whose instructions QEMU does not count: the processor time of the kernel process and of the
  programs, in ns, beside the same command run natively."""


def kernels(options):
    """Whom to compare: those named, else every kernel that there is, and Linux."""
    known = [*paths.kernels(), linux_peer.NAME]
    for name in options.kernel:
        if name not in known:
            raise Failure(f"there is no kernel '{name}'; there are: {', '.join(known)}")
    return options.kernel or known


def measure(kernel, options, folder):
    """One kernel's figures, or None with a word why not."""
    report = folder / f"{kernel}.json"
    report.unlink(missing_ok=True)
    command = [str(paths.ROOT / "vari"), "run", kernel, "--icount", "--report", str(report), "--exec", options.exec,
               "--timeout", str(options.timeout), "--mem", options.mem]
    if options.root:
        command += ["--root", options.root]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode == 125 or not report.exists():
        tail = done.stderr.decode(errors="replace").strip().splitlines()
        return {"failed": tail[0] if tail else f"status {done.returncode}"}, done.stdout
    return json.loads(report.read_text()), done.stdout


def _number(value, unit=""):
    if value is None:
        return "-"
    if unit == "bytes":
        return f"{value / (1 << 20):.2f} MiB"
    return f"{value:,}"


def table(results):
    """The results as a Markdown table."""
    rows = ["| kernel | " + " | ".join(title for _, title in COLUMNS) + " | ratio |", "| --- |" + " ---: |" * (len(COLUMNS) + 1)]
    base = results.get(linux_peer.NAME, {}).get("ticks")
    for kernel, found in results.items():
        if "failed" in found:
            rows.append(f"| {kernel} | {found['failed']} |" + " |" * len(COLUMNS))
            continue
        cells = [_number(found.get(key), "bytes" if key.startswith("memory") else "") for key, _ in COLUMNS]
        ratio = f"{found['ticks'] / base:.2f}" if base and found.get("ticks") else "-"
        rows.append(f"| {kernel} | " + " | ".join(cells) + f" | {ratio} |")
    return "\n".join(rows)


def plot(results, path, title):
    """Bars of instructions, as SVG: a picture that needs no library to draw and none to read."""
    bars = [(name, found["ticks"] / 1e6) for name, found in results.items() if found.get("ticks")]
    longest = max((value for _, value in bars), default=1)
    lines = [f'<text x="10" y="20" font-weight="bold">{html.escape(title)}</text>']
    for row, (name, value) in enumerate(bars):
        y, width = 36 + 28 * row, max(1, 420 * value / longest)
        lines += [f'<text x="120" y="{y + 15}" text-anchor="end">{html.escape(name)}</text>',
                  f'<rect x="130" y="{y}" width="{width:.1f}" height="20" fill="#4878a8"/>',
                  f'<text x="{136 + width:.1f}" y="{y + 15}">{value:.2f}</text>']
    height = 36 + 28 * len(bars) + 24
    lines.append(f'<text x="130" y="{height - 8}" fill="#666">million instructions</text>')
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{height}" font-family="sans-serif" '
                    f'font-size="13">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(lines) + "\n</svg>\n")


def run(options):
    """The command itself: 0 if all kernels ran the command and printed the same."""
    packages.require("run", "bench")
    folder = paths.BUILD / "compare"
    folder.mkdir(parents=True, exist_ok=True)
    results, outputs = {}, {}
    for kernel in kernels(options):
        progress(f"running on {kernel}")
        results[kernel], outputs[kernel] = measure(kernel, options, folder)
    clear()
    spread = {output for kernel, output in outputs.items() if "failed" not in results[kernel]}
    same = len(spread) <= 1 and len({found.get("status") for found in results.values() if "failed" not in found}) <= 1
    if linux_peer.NAME in results and "boot_ticks" in results[linux_peer.NAME]:
        entries = [found["entry_tsc"] for found in results.values() if found.get("entry_tsc")]
        if entries:
            results[linux_peer.NAME]["boot_ticks"] -= min(entries)
    text = table(results)
    verdict = "All of them printed the same and ended with the same status." if same else "THEIR OUTPUT OR STATUS DIFFERS."
    title = f"$ {options.exec}"
    (folder / "report.md").write_text(f"# {title}\n\n{text}\n\n{verdict}\n\n{HOW}\n")
    (folder / "results.json").write_text(json.dumps({"command": options.exec, "same": same, "kernels": results}, indent=1) + "\n")
    plot(results, folder / "plot.svg", title[:90])
    print(f"{text}\n\n{verdict}")
    if not same:
        for kernel, output in outputs.items():
            sys.stderr.write(f"{kernel}: {output[-300:]!r}\n")
    say(f"wrote {os.path.relpath(folder)}/report.md, results.json and plot.svg")
    return 0 if same and not any("failed" in found for found in results.values()) else 1
