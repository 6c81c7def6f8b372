"""What ``pip install`` makes of the sources."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import medsam2

ROOT = Path(__file__).resolve().parents[3]
BUILD = "from setuptools import build_meta; build_meta.build_wheel('.')"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, str]:
    """The wheel, and what its making said."""
    pytest.importorskip("setuptools")
    folder = tmp_path_factory.mktemp("sources")
    for name in ("pyproject.toml", "README.md", "LICENSE", "MedSAM2Slicer"):
        (folder / name).symlink_to(ROOT / name)
    command = [sys.executable, "-W", "default", "-c", BUILD]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert run.returncode == 0, run.stderr
    return next(folder.glob("*.whl")), run.stdout + run.stderr


def test_an_install_warns_of_nothing(built):
    said = [line for line in built[1].splitlines() if "byte-compiling is disabled" not in line]
    assert not [line for line in said if re.search(r"would be ignored|\bwarning:|Warning\b", line)]


def test_the_wheel_has_the_version_that_the_package_tells(built):
    assert built[0].name.startswith(f"medsam2-{medsam2.__version__}-")


def test_nothing_of_the_lab_or_the_tests_is_in_the_wheel(built):
    with zipfile.ZipFile(built[0]) as wheel:
        folders = {name.split("/")[0] for name in wheel.namelist()}
    assert folders == {"medsam2", f"medsam2-{medsam2.__version__}.dist-info"}


def test_every_file_of_the_package_is_in_the_wheel(built):
    with zipfile.ZipFile(built[0]) as wheel:
        inside = set(wheel.namelist())
    logic, resources = ROOT / "MedSAM2Slicer" / "Logic", ROOT / "MedSAM2Slicer" / "Resources"
    wanted = {path.relative_to(logic).as_posix() for path in (logic / "medsam2").rglob("*.py")}
    for pattern in ("*.json", "weights/*.safetensors"):
        wanted |= {
            f"medsam2/resources/{p.relative_to(resources).as_posix()}" for p in resources.glob(pattern)
        }
    assert len(wanted) > 100
    assert not wanted - inside
