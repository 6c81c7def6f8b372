"""What CMake installs, against what there is; ``python cmake_lists.py`` rewrites the lists."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "MedSAM2Slicer"
CMAKE = MODULE / "CMakeLists.txt"
SCRIPTS, RESOURCES = "MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES"
NOT_INSTALLED = {
    "CMakeLists.txt",
    # Makes the folder a package for pip; Slicer would put a package called Resources on everybody's path.
    "Resources/__init__.py",
}


def present() -> set[str]:
    """The module's files that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(
        command, cwd=MODULE, capture_output=True, text=True, encoding="utf-8", check=True
    ).stdout.split("\0")
    return {name for name in names if name and (MODULE / name).is_file()} - NOT_INSTALLED


def listed(variable: str) -> list[str]:
    """The files in one of CMake's lists."""
    text = CMAKE.read_text(encoding="utf-8").replace("${MODULE_NAME}", MODULE.name)
    return re.search(rf"set\({variable}\s([^)]*)\)", text)[1].split()


def write() -> None:
    """Write both lists anew."""
    text = CMAKE.read_text(encoding="utf-8")
    for variable, scripts in ((SCRIPTS, True), (RESOURCES, False)):
        names = sorted(name for name in present() if name.endswith(".py") is scripts)
        lines = "".join(f"  {name}\n" for name in names)
        text = re.sub(rf"set\({variable}\s[^)]*\)", f"set({variable}\n{lines}  )", text)
    CMAKE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
