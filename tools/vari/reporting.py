"""What a guest counted (vari.report): its reports as figures, for --report FILE and ./vari compare.

A report is text of lines "name value"; "moment start" and "moment end" open the two parts; a line of one
processor ("cpu0 traps 12 switches 3 ...") carries several, which are added up over the processors.
"""
import json
import re


def parse(text):
    """{moment: {name: number}}"""
    moments, current = {}, {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[0] == "moment":
            current = moments.setdefault(words[1], {})
        elif words and re.fullmatch(r"cpu\d+", words[0]):
            for name, value in zip(words[1::2], words[2::2]):
                current[name] = current.get(name, 0) + int(value)
        elif len(words) == 2 and words[1].isdigit():
            current[words[0]] = int(words[1])
    return moments


def figures(guest, status):
    """One run's figures, as a dictionary for JSON. Tick: an instruction under --icount, else the TSC's."""
    moments = parse(guest.report.decode(errors="replace"))
    entered = re.search(rb"kernel entered at tsc (\d+)", guest.log)
    found = {"status": status, "entry_tsc": int(entered[1]) if entered else None, "moments": moments}
    start, end = moments.get("start", {}), moments.get("end", {})
    if start and end:
        found["ticks"] = end["tsc"] - start["tsc"]
        found["boot_ticks"] = start["tsc"] - found["entry_tsc"] if entered else start["tsc"]
        for name in ("traps", "interrupts", "switches", "ipis_sent", "cr3_loads"):
            if name in start and name in end:
                found[name] = end[name] - start[name]
        if "frames_total" in start:
            # What the loader did not give to the kernel is not in the total: the machine's size is not known here.
            found["memory_at_start"] = (start["frames_total"] - start["frames_free"]) * 4096
            found["memory_at_end"] = (end["frames_total"] - end["frames_free"]) * 4096
    return found


def write(path, guest, status):
    """--report FILE."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(figures(guest, status), file, indent=1)
        file.write("\n")
