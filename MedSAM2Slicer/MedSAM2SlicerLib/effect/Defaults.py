"""The effect's parameters in a new scene, and where a scene has what this version does not know."""

from collections.abc import Callable

from ..SlicerTypes import ScriptedEffect
from .ToolRow import CLICK

DEFAULTS = {
    "Tool": CLICK,
    "Direction": "both",
    "TimeDirection": "both",
    "Window": "auto",
    "Memory": "temporal",
    "StopWhenAbsent": 1,
    "AbsentStop": 2,
    "AllSegments": 0,
    "Orientations": "1",
    "FirstSlice": 0,
    "LastSlice": 0,
}


def mend(scriptedEffect: ScriptedEffect, name: str, isPossible: Callable[[str], bool]) -> None:
    """Give a parameter its default where its text is not possible, as of a later version."""
    if not isPossible(scriptedEffect.parameter(name)):
        scriptedEffect.setParameter(name, DEFAULTS[name])
