"""Language runtimes out of Debian's packages, unmodified, each with a real program of examples/runtimes.

The programs print only what is the same everywhere; what they must print stands beside them
(report.X.expected) and was taken from the same packages on Linux.
"""
import hashlib
import os
import pathlib
import subprocess
import tempfile

import linux_peer
import paths
import rootfs
import support
import trees
from support import case

PROGRAMS = paths.ROOT / "examples" / "runtimes"


def suites(short, _options):
    return support.make_suites(__name__, short, "language runtimes of Debian's packages, each with a program")


def ocaml_program():
    """report.ml compiled by Debian's ocamlopt, static."""
    source = PROGRAMS / "report.ml"
    tree, compiler = trees.fetch("ocaml")
    kept = paths.BUILD / "runtimes" / ("ocaml-" + hashlib.sha256(source.read_bytes()).hexdigest()[:16])
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        library = tree / "usr" / "lib" / "ocaml"
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "report.ml"
            copy.write_bytes(source.read_bytes())
            environment = dict(os.environ, OCAMLLIB=str(library), PATH=f"{tree / 'usr' / 'bin'}:{os.environ['PATH']}")
            done = subprocess.run([tree / compiler, "-I", library, copy, "-o", f"{folder}/report", "-ccopt", "-static"],
                                  env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            assert done.returncode == 0, f"ocamlopt: {done.stdout}"
            os.replace(f"{folder}/report", kept)
    return kept


def run(vari, tree, command, report, *arguments, **how):
    """Runs `command` with busybox, the tree and the program as its root; compares what it prints."""
    files = rootfs.files_of(trees.fetch(tree)[0]) if tree else {}
    files[report] = (0o755, (PROGRAMS / report).read_bytes())
    if report.endswith(".ml"):
        files["report"] = (0o755, ocaml_program().read_bytes())
    with support.root_with(files) as root:
        done = vari.exec(command, "--root", root, "--mem", "1G", *arguments, **how)
    expected = (PROGRAMS / f"{report}.expected").read_text()
    assert done.out == expected and done.status == 0, f"expected:\n{expected}\n{done}"


@case
def lua(vari):
    run(vari, "lua", "lua5.4 /report.lua", "report.lua")


@case
def javascript(vari):
    run(vari, "duktape", "duk /report.js", "report.js")


@case
def ocaml(vari):
    run(vari, None, "/report", "report.ml")


@case
def standard_ml_on_one_processor(vari):
    run(vari, "polyml", "poly --script /report.sml", "report.sml", "--smp", 1, timeout=120)


@case
def standard_ml_on_four_processors(vari):
    run(vari, "polyml", "poly --script /report.sml", "report.sml", "--smp", 4, timeout=120)


@case
def scheme(vari):
    run(vari, "gambit", "gsi /report.scm", "report.scm", timeout=120)


def on_the_host(tree, program, *arguments, **environment):
    """Runs a tree's program here, with the tree's own libraries."""
    root = trees.fetch(tree)[0]
    libraries = root / "usr" / "lib" / "x86_64-linux-gnu"
    loader = next((root / "lib" / "x86_64-linux-gnu").glob("ld-linux-x86-64.so.2"))
    done = subprocess.run([loader, "--library-path", f"{libraries}:{loader.parent}", root / program, *arguments],
                          env=dict(os.environ, **environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, f"{program} on the host: {done.stdout}"


@case
def a_heap_image_of_standard_ml(vari):
    """The image is made on the host and boots with the root, as the OSKit's ML did from a boot module."""
    with tempfile.TemporaryDirectory() as folder:
        on_the_host("polyml", "usr/bin/poly", "--script", PROGRAMS / "make_heap.sml", HEAP_IMAGE=f"{folder}/heap")
        files = rootfs.files_of(trees.fetch("polyml")[0])
        files["heap"] = (0o644, pathlib.Path(folder, "heap").read_bytes())
    files["run.sml"] = (0o644, b'PolyML.SaveState.loadState "/heap"; main ();')
    with support.root_with(files) as root:
        done = vari.exec("poly --script /run.sml", "--root", root, "--mem", "1G", timeout=120)
    assert done.out == "31 squared is 961, out of a heap image\n" and done.status == 0, f"{done}"


@case
def bytecode_of_lua(vari):
    """A program that was compiled before: no source is in the guest."""
    with tempfile.TemporaryDirectory() as folder:
        on_the_host("lua", "usr/bin/luac5.4", "-s", "-o", f"{folder}/code", PROGRAMS / "report.lua")
        files = rootfs.files_of(trees.fetch("lua")[0])
        files["code"] = (0o644, pathlib.Path(folder, "code").read_bytes())
    with support.root_with(files) as root:
        done = vari.exec("lua5.4 /code", "--root", root, "--mem", "1G", timeout=120)
    assert done.out == (PROGRAMS / "report.lua.expected").read_text() and done.status == 0, f"{done}"


def machinery(vari, *arguments, **how):
    """What runtimes ask of a kernel, mechanism by mechanism: examples/runtimes/machinery.c."""
    program = linux_peer.build_static(PROGRAMS / "machinery.c", paths.BUILD / "programs" / "machinery")
    with support.root_with({"machinery": (0o755, program.read_bytes())}) as root:
        done = vari.exec("/machinery", "--root", root, *arguments, **how)
    assert done.status == 0 and done.out.count("ok ") == 8, f"{done}"


@case(everywhere=True)
def machinery_on_one_processor(vari):
    machinery(vari, "--smp", 1, timeout=120)


@case(everywhere=True)
def machinery_on_four_processors(vari):
    machinery(vari, "--smp", 4, timeout=120)


@case
def a_runtime_ends_by_its_error(vari):
    """The negative control: a program that fails is seen to fail."""
    files = rootfs.files_of(trees.fetch("lua")[0])
    files["bad.lua"] = (0o644, b"print('before') error('on purpose')")
    with support.root_with(files) as root:
        done = vari.exec("lua5.4 /bad.lua", "--root", root, "--mem", "1G")
    assert done.status == 1 and done.out == "before\n" and "on purpose" in done.err, f"{done}"
