"""The machine in its many shapes: ways to boot, numbers of processors, amounts of memory, a screen."""
import re
import tempfile
import time

import packages
import support
from monitor import until, watched
from patience import stretched
from support import case


def suites(short, _options):
    return support.make_suites(__name__, short, "ways to boot, processors, memory, screen")


def online(vari, count, *arguments, **how):
    out = vari.output("cat /proc/cpuinfo", "--smp", count, *arguments, **how)
    found = len(re.findall(r"(?m)^processor\s*:", out))
    assert found == count, f"{found} of {count} processors:\n{out[-500:]}"


@case
def one_two_and_three_processors(vari):
    for count in (1, 2, 3):
        online(vari, count)


@case
def eight_processors(vari):
    online(vari, 8, timeout=120)


@case(long=True, alone=True)
def sixty_four_processors(vari):
    online(vari, 64, timeout=600)


@case
def works_in_16_mib(vari):
    out = vari.output("ls / | sort | head -3; seq 1000 | gzip | gunzip | tail -1; free", "--mem", "16M")
    assert "1000\n" in out, out


@case
def boots_with_64_gib(vari):
    out = vari.output("cat /proc/meminfo", "--mem", "64G")
    total = int(re.search(r"MemTotal:\s+(\d+) kB", out)[1])
    assert total > 63 << 20, out


@case
def memory_is_as_told(vari):
    out = vari.output("cat /proc/meminfo", "--mem", "256M")
    total = int(re.search(r"MemTotal:\s+(\d+) kB", out)[1])
    assert 240 << 10 < total <= 256 << 10, out


@case
def iso_by_bios(vari):
    packages.require("iso")
    done = vari.exec("echo booted by GRUB; exit 4", "--boot", "bios", timeout=120)
    assert (done.status, done.out) == (4, "booted by GRUB\n"), done


@case
def iso_by_uefi(vari):
    packages.require("iso", "uefi")
    done = vari.exec("echo booted by UEFI; exit 4", "--boot", "uefi", timeout=240)
    assert (done.status, done.out) == (4, "booted by UEFI\n"), done


@case
def a_folder_as_root(vari):
    import os
    import pathlib
    import donors
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "bin").mkdir()
        (folder / "bin" / "busybox").write_bytes(donors.fetch("busybox").read_bytes())
        (folder / "bin" / "busybox").chmod(0o755)
        (folder / "bin" / "sh").symlink_to("busybox")
        (folder / "note").write_text("a file of the host\n")
        os.link(folder / "note", folder / "twin")
        (folder / "note").chmod(0o640)
        done = vari.exec("/bin/busybox cat /twin; /bin/busybox stat -c '%a %u %h' /note", "--root", folder)
    assert (done.status, done.out) == (0, "a file of the host\n640 0 2\n"), done


@case
def a_compressed_tar_as_root(vari):
    import io
    import pathlib
    import tarfile
    import donors
    with tempfile.NamedTemporaryFile(suffix=".tar.gz") as archive:
        with tarfile.open(archive.name, "w:gz") as tar:
            tar.add(donors.fetch("busybox"), "bin/busybox")
            link = tarfile.TarInfo("bin/sh")
            link.type, link.linkname = tarfile.SYMTYPE, "/bin/busybox"
            tar.addfile(link)
            note = tarfile.TarInfo("folder/" + "x" * 90 + "/" + "y" * 90)  # needs the format's long names
            note.size = 5
            tar.addfile(note, io.BytesIO(b"note\n"))
        done = vari.exec("/bin/busybox cat /folder/x*/y*", "--root", pathlib.Path(archive.name))
    assert (done.status, done.out) == (0, "note\n"), done


def lit_pixels(path):
    """The number of pixels in a PPM picture that are not black, and its size."""
    data = open(path, "rb").read()
    _, width, height, _ = data.split(maxsplit=4)[:4]
    pixels = data[-int(width) * int(height) * 3:]
    lit = sum(1 for at in range(0, len(pixels), 3) if max(pixels[at:at + 3]) > 60)
    return lit, (int(width), int(height))


@case
def a_screen_and_a_keyboard(vari):
    with watched(vari, "--display", "none") as (running, monitor, folder):
        shots = []
        for _ in range(240):  # until a prompt stands on the screen
            time.sleep(0.5)
            monitor.ask("screendump", filename=f"{folder}/a.ppm")
            shots.append(lit_pixels(f"{folder}/a.ppm"))
            if len(shots) > 6 and shots[-1] == shots[-5] and shots[-1][0] > 50:
                break
        before = shots[-1][0]
        assert before > 50, f"the screen stays dark: {shots}"
        monitor.type("seq 100\n")

        def differs():
            monitor.ask("screendump", filename=f"{folder}/b.ppm")
            return lit_pixels(f"{folder}/b.ppm")[0] != before
        assert until(differs), f"keys change nothing on the screen: {before} pixels stay lit"
        monitor.type("poweroff -f\n")
        assert running.wait(stretched(30)) == 0, open(f"{folder}/output").read()


@case
def halt_halts(vari):
    """Every core stands at a hlt with interrupts off, and the machine stays on."""
    def stopped():
        text = monitor.command("info registers -a")
        flags = [int(word, 16) for word in re.findall(r"(?:EFL|RFL)=([0-9a-f]+)", text)]
        return len(flags) == 2 and text.count("HLT=1") == 2 and not any(word & 0x200 for word in flags)

    with watched(vari, "--exec", "sleep 2; halt -f", "--smp", 2) as (running, monitor, folder):
        time.sleep(1)
        assert not stopped(), "a running machine looks halted"
        assert until(stopped), monitor.command("info registers -a")
        time.sleep(1)
        assert running.poll() is None and stopped(), open(f"{folder}/output").read()
