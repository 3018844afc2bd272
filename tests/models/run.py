#!/usr/bin/python3
"""Checks the runtime's models with Spin: each model holds, and each of its negative controls (named
-DBROKEN_... in the model's opening comment) is found. Ends with "N passed, N failed"."""
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def errors_found(model: str, define: str, folder: str) -> bool:
    """Runs one exhaustive search; true if it found an error. Anything unexpected raises."""
    spin = ["spin"] + ([f"-D{define}"] if define else []) + ["-a", model]
    subprocess.run(spin, cwd=folder, check=True, capture_output=True, text=True)
    compiler = ["cc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=1500", "-o", "pan", "pan.c"]
    subprocess.run(compiler, cwd=folder, check=True, capture_output=True, text=True)
    output = subprocess.run(["./pan", "-m1000000"], cwd=folder, check=True, capture_output=True, text=True,
                            timeout=600).stdout
    found = re.search(r"errors: (\d+)", output)
    if not found or "max search depth too small" in output or "out of memory" in output:
        raise RuntimeError(f"the search is not complete:\n{output}")
    return int(found.group(1)) > 0


def main() -> int:
    passed = failed = 0
    for name in sorted(entry for entry in os.listdir(HERE) if entry.endswith(".pml")):
        model = os.path.join(HERE, name)
        with open(model, encoding="utf-8") as source:
            controls = re.findall(r"^ \*   -D(BROKEN_\w+)", source.read(), re.MULTILINE)
        for define in [""] + controls:
            with tempfile.TemporaryDirectory() as folder:
                ok = errors_found(model, define, folder) == bool(define)
            expected = "an error is found" if define else "holds"
            print(f"{'ok  ' if ok else 'FAIL'} {name} {define or '(as it is)'}: {expected if ok else 'NOT: ' + expected}",
                  flush=True)
            passed, failed = passed + ok, failed + (not ok)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
