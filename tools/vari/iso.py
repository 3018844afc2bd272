"""Bootable CD images for BIOS and UEFI: GRUB loads the kernel by Multiboot2, with its modules."""
import pathlib
import shutil
import subprocess
import tempfile

from say import Failure, progress

_MENU = """set timeout=0
set default=0
insmod all_video
menuentry "Vari" {{
  multiboot2 /boot/vari.elf {command_line}
{modules}
  boot
}}
"""


def make(image, modules, command_line, output):
    """Writes an ISO image with a kernel and its modules; returns its path."""
    progress("making the boot image")
    output = pathlib.Path(output)
    with tempfile.TemporaryDirectory(dir=output.parent) as name:
        folder = pathlib.Path(name)
        boot = folder / "boot"
        (boot / "grub").mkdir(parents=True)
        shutil.copyfile(image, boot / "vari.elf")
        lines = []
        for number, module in enumerate(modules):
            shutil.copyfile(module, boot / f"module{number}")
            lines.append(f"  module2 /boot/module{number} {'root' if number == 0 else f'module{number}'}")
        # GRUB's words end at blanks, quotes and braces; base64 and key=value hold none but '=' and '+'.
        quoted = command_line.replace("\\", "\\\\").replace("$", "\\$").replace(";", "\\;")
        (boot / "grub" / "grub.cfg").write_text(_MENU.format(command_line=quoted, modules="\n".join(lines)))
        done = subprocess.run(["grub-mkrescue", "-o", str(output), str(folder)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode != 0 or not output.exists():
        raise Failure("grub-mkrescue failed:\n" + done.stdout)
    return output
