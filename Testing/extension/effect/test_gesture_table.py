"""The table of gestures in ``docs/slicer.md`` is whole, and each gesture has a test that exists."""

import re
from pathlib import Path

import qt
from MedSAM2SlicerLib.effect.EffectShortcuts import KEYS
from MedSAM2SlicerLib.effect.ToolRow import TOOLS
from MedSAM2SlicerLib.panel.ReviewGrid import keys

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = [Path(__file__).parent, Path(__file__).parents[1] / "panel"]


def rows() -> list[list[str]]:
    """Gesture, what it does, tests."""
    page = (ROOT / "docs" / "slicer.md").read_text("utf-8")
    section = page.split("## Gestures and their tests")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    assert lines[0] == "| gesture | what it does | test |"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_key_and_every_tool_has_its_row():
    named = ", ".join(gesture for gesture, _does, _tests in rows())
    assert set(KEYS) <= set(re.split(r"[^A-Za-z]+", named))
    inGrid = ", ".join(gesture for gesture, _does, _tests in rows() if gesture.startswith("grid: "))
    ours = {qt.QKeySequence(key).toString().replace("Return", "Enter") for key, _isCtrl in keys()}
    assert ours <= set(re.split(r"[^A-Za-z]+", inGrid))
    for tool in TOOLS:
        assert f"*{tool.capitalize()}*" in named


def test_every_gesture_has_a_test_in_the_file_that_is_named():
    missing = []
    for gesture, _does, tests in rows():
        found = [re.findall(r"`(test_\w+(?:\.py)?)`", part) for part in tests.split(";")]
        if not all(len(names) > 1 and names[0].endswith(".py") for names in found):
            missing.append(gesture)
        for file, *names in found:
            (code,) = [(each / file).read_text("utf-8") for each in FOLDERS if (each / file).is_file()]
            missing += [name for name in names if f"def {name}(" not in code]
    assert missing == []
