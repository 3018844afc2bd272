"""The hosted kernel answers as the others do: their cases, run in a process of this machine."""
import building
import support
from suites import Suite

# What is about QEMU's machine and not about the kernel.
NOT_HERE = {
    "exec": {"icount_repeats_itself", "same_bytes_twice_under_icount"},
    "terminal": set(),
    "hostile": set(),
    "shell": set(),
}


def _cases(module):
    """(function, long, alone, batch) of a file's cases; asked when all files have been read."""
    skipped = NOT_HERE[module]
    return [(function, long, alone, batch) for function, _, long, alone, batch in support._CASES.get("test_" + module, [])
            if function.__name__ not in skipped]


def _expand(module, preset, wanted_long):
    def jobs():
        building.build({"release": "hosted", "debug": "hosted-asan"}[preset], "hosted_kernel")
        for function, long, alone, batch in _cases(module):
            if long == wanted_long:
                name = f"hosted{'' if preset == 'release' else '-asan'}/{module}/{function.__name__}"
                yield support.job(function, name, support.Vari(preset, "hosted"), alone, batch)
    return jobs


def suites(_short, _options):
    for module in NOT_HERE:
        yield Suite(f"hosted/{module}", f"the cases of test_{module}.py in a Linux process", _expand(module, "release", False))
    yield Suite("hosted-asan/shell", "the shell's cases in a Linux process, AddressSanitizer and UBSan", _expand("shell", "debug", False))
    yield Suite("hosted/long", "the long hostile cases in a Linux process", _expand("hostile", "release", True), long=True)
