"""Where the example effect is, and a start with it."""

import sys
from pathlib import Path

import numpy as np

SOURCE = Path(__file__).parent / "StampLib" / "SegmentEditorEffect.py"
SHAPE = (20, 24, 30)
# Anisotropic and flipped; mm.
IJK_TO_RAS = np.array([[-2.0, 0, 0, 25], [0, -1.5, 0, 10], [0, 0, 3, -40], [0, 0, 0, 1]])


def takeCalls() -> list[str]:
    """The notifications since the last look."""
    # Loaded with the first effect.
    calls = getattr(sys.modules.get("StampLib"), "calls", [])
    taken = list(calls)
    calls.clear()
    return taken
