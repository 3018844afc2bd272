"""What programs that are built with sanitizers are told.

The symbolizer is more than comfort: a suppression names functions, so without one it suppresses nothing.
"""
import os

_SYMBOLIZER = "/usr/lib/llvm-19/bin/llvm-symbolizer"


def told(**options):
    """Environment variables, ASAN_OPTIONS and so on, with the symbolizer where it is installed."""
    more = f":external_symbolizer_path={_SYMBOLIZER}" if os.path.exists(_SYMBOLIZER) else ""
    return {name: text + more for name, text in options.items()}
