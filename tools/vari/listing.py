"""`./vari list`: each kernel, the parts it is composed of, and their sizes in its image.

Sizes come from the linker: each function and object of the image is looked up in the static libraries
that the kernel links, by its mangled name, so that what the linker dropped is not counted.
"""
import collections
import json
import re
import subprocess

import building
import paths
from say import Failure


def _nm(path, *flags):
    """(name, size, kind) of each symbol of an ELF file or a static library."""
    done = subprocess.run(["nm", "-S", *flags, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    for line in done.stdout.splitlines():
        match = re.match(r"[0-9a-f]+ ([0-9a-f]+) (\w) (.+)", line)
        if match:
            yield match[3], int(match[1], 16), match[2]


def parts_of(kernel):
    """The libraries that kernels/NAME/CMakeLists.txt names."""
    text = (paths.ROOT / "kernels" / kernel / "CMakeLists.txt").read_text()
    match = re.search(r"LIBRARIES\s+([^)]*)\)", re.sub(r"#.*", "", text))
    return match[1].split() if match else []


def sizes(kernel, preset):
    """{part: {"text": bytes, "data": bytes}} for what the image holds."""
    image = paths.image(kernel, preset)
    archives = {path.stem.removeprefix("lib"): path for path in sorted((paths.BUILD / preset).rglob("lib*.a"))}
    owner = {}
    for part in parts_of(kernel):
        if part in archives:
            for name, _, _ in _nm(archives[part], "--defined-only"):
                owner.setdefault(name, part)
    found = collections.defaultdict(lambda: {"text": 0, "data": 0})
    for name, size, kind in _nm(image, "--defined-only"):
        column = "text" if kind.lower() in "tw" else "data" if kind.lower() in "rdvu" else "bss"
        part = found[owner.get(name, "kernels/" + kernel)]
        part[column] = part.get(column, 0) + size
    for part in parts_of(kernel):
        found[part]  # a part that the linker dropped altogether is shown with nothing
    return dict(found)


def segments(image):
    """Bytes of the image by kind, as it is loaded."""
    text = subprocess.run(["size", "-A", str(image)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: int(size) for name, size in re.findall(r"(?m)^\.(text|rodata|symbols|data|bss)\s+(\d+)", text)}


def describe(kernel):
    """The first words of a kernel's README or main.cc."""
    for name in ("README.md", "main.cc"):
        path = paths.ROOT / "kernels" / kernel / name
        if path.exists():
            lines = [line.strip("/# ") for line in path.read_text().splitlines()]
            return next((line for line in lines if line), "")
    return ""


def run(options):
    """The command itself."""
    preset = paths.preset_name(options.build, options.compiler)
    names = options.kernel or paths.kernels()
    if not names:
        raise Failure("the tree holds no kernel")
    everything = {}
    for name in names:
        if name not in paths.kernels():
            raise Failure(f"there is no kernel '{name}'; there are: {', '.join(paths.kernels())}")
        if not options.no_build:
            building.build(preset, name)
        image = paths.image(name, preset)
        everything[name] = {"about": describe(name), "image": segments(image), "parts": sizes(name, preset)}
    if options.json:
        print(json.dumps(everything, indent=1))
        return 0
    for name, entry in everything.items():
        loaded = sum(size for kind, size in entry["image"].items() if kind != "bss")
        print(f"{name}: {entry['about']}")
        print("  image " + ", ".join(f"{kind} {size:,}" for kind, size in entry["image"].items()) + f"; loaded {loaded:,} bytes")
        print(f"  {'part':<34}{'code':>10}{'data':>10}{'zeroed':>10}")
        for part, size in sorted(entry["parts"].items(), key=lambda item: -item[1]["text"]):
            print(f"  {part:<34}{size['text']:>10,}{size['data']:>10,}{size.get('bss', 0):>10,}")
    return 0
