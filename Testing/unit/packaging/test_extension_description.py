"""What the Extensions Index checks automatically (scripts/check_description_files.py), as far as offline."""

import json
import re
import struct
from pathlib import Path

import jsonschema
import pytest

import medsam2

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "MedSAM2Slicer"
NAME = "MedSAM2Slicer"
ENTRY = json.loads((ROOT / f"{NAME}.json").read_text(encoding="utf-8"))
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
SCHEMA = {
    "type": "object",
    "required": ["$schema", "category", "scm_url"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "category": {"const": "Segmentation"},
        "scm_url": {"type": "string"},
        "scm_type": {"enum": ["git", "local"]},
        "build_dependencies": {"type": "array", "items": {"type": "string"}},
        "build_subdirectory": {"type": "string"},
        "enabled": {"type": "boolean"},
        "tier": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}
"""Slicer's slicer-extension-catalog-entry-schema-v1.0.1, with the category that is ours, and without a
revision: the Index then clones the main branch alone and without its history."""


def metadata(name: str) -> str:
    """A value in the top-level file, which the Index reads with a regular expression line by line."""
    (value,) = re.findall(rf'^set\(EXTENSION_{name} "([^"\n]+)"\)$', CMAKE, re.MULTILINE)
    return value


def old_description() -> dict[str, str]:
    lines = (ROOT / f"{NAME}.s4ext").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


def png_size(path: Path) -> tuple[int, int]:
    header = path.read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", header[16:])


def test_the_entry_follows_the_schema():
    jsonschema.validate(ENTRY, SCHEMA)
    assert re.search(r"/Schemas/slicer-extension-catalog-entry-schema-v1\.0\.\d\.json#$", ENTRY["$schema"])


@pytest.mark.parametrize("name", [f"{NAME}.json", f"{NAME}.s4ext", "CMakeLists.txt"])
def test_lines_end_as_the_index_wants(name):
    assert b"\r" not in (ROOT / name).read_bytes()
    assert (ROOT / name).read_bytes().endswith(b"\n")


def test_the_names_obey_the_index():
    (project,) = re.findall(r"project\s*\(\s*([^\s)]+)", CMAKE)
    assert project == NAME  # the entry is called like the project
    assert not NAME.lower().startswith("slicer")
    assert ENTRY["scm_url"].startswith("https://")
    assert ENTRY["scm_url"].rsplit("/", 1)[1].startswith("Slicer")


def test_pictures_have_addresses_on_the_repository_s_main_branch():
    addresses = [metadata("ICONURL"), *metadata("SCREENSHOTURLS").split()]
    assert len(addresses) > 1
    raw = ENTRY["scm_url"].replace("github.com", "raw.githubusercontent.com") + "/main/"
    for address in addresses:
        assert address.startswith(raw)
        assert (ROOT / address.removeprefix(raw)).is_file(), address


def test_all_descriptions_agree():
    old = old_description()
    assert ENTRY["build_dependencies"] == metadata("DEPENDS").split() == old["depends"].split()
    assert ENTRY["scm_url"] == metadata("HOMEPAGE") == old["scmurl"] == old["homepage"]
    assert metadata("DESCRIPTION") == old["description"]
    assert metadata("CONTRIBUTORS") == old["contributors"]
    assert (metadata("ICONURL"), metadata("SCREENSHOTURLS")) == (old["iconurl"], old["screenshoturls"])
    assert ENTRY["category"] == old["category"]
    assert f'HOMEPAGE = "{metadata("HOMEPAGE")}"' in (MODULE / "MedSAM2Slicer.py").read_text(encoding="utf-8")
    python = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'Homepage = "{metadata("HOMEPAGE")}"' in python
    assert f'authors = [{{ name = "{metadata("CONTRIBUTORS")}" }}]' in python


@pytest.mark.parametrize("name", [f"{NAME}.json", f"{NAME}.s4ext", "CMakeLists.txt", "pyproject.toml"])
def test_the_version_is_written_in_the_package_alone(name):
    assert medsam2.__version__ not in (ROOT / name).read_text(encoding="utf-8")


def test_the_description_names_licences_and_privacy():
    for said in ("Apache-2.0", "server only if you name one", "not for diagnosis"):
        assert said in metadata("DESCRIPTION")
    assert ";" not in metadata("DESCRIPTION")  # CMake would make a list of it


def test_a_licence_lies_at_the_top():
    assert (ROOT / "LICENSE").is_file()


@pytest.mark.parametrize(
    "name", ["Resources/Icons/MedSAM2Slicer.png", "MedSAM2SlicerLib/SegmentEditorEffect.png"]
)
def test_icons_are_128_pixels(name):
    assert png_size(MODULE / name) == (128, 128)


def test_the_sample_s_thumbnail_has_the_usual_size():
    assert png_size(MODULE / "Resources/Icons/MedSAM2SyntheticCt.png") == (260, 280)
