"""Fakes of Slicer's Qt side, for tests that run without Slicer. See README.md."""

import ctypes.util
import importlib.util
import os
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]

PARTS = {
    "slicer_core": "needs the package slicer-core (pip install '.[slicer]')",
    "PySide6": "needs the package PySide6-Essentials (pip install '.[slicer]')",
}


def missingPart() -> str | None:
    """Say what hinders the tests, or None. Nothing is imported to find out."""
    for module, reason in PARTS.items():
        if importlib.util.find_spec(module) is None:
            return reason
    return None


def drawingProblem() -> str | None:
    """Say what hinders pictures of slice views, or None."""
    if sys.platform == "linux" and not os.environ.get("DISPLAY") and not ctypes.util.find_library("EGL"):
        return "needs libEGL (Debian: libegl1) to draw without a screen"
    return None


def install():
    """Make ``import qt``, ``import ctk`` and the parts of ``slicer`` that slicer-core lacks work."""
    useNoScreen()
    importSlicer()
    from . import qt_module

    # First, since the modules below import it.
    sys.modules["qt"] = qt_module.makeModule()
    from . import ctk_module, slicer_modules

    sys.modules["ctk"] = ctk_module.makeModule()
    slicer_modules.install()


def importSlicer():
    """Import slicer-core, whose package ``slicer`` takes in every folder of that name on the path.

    The folder of tests above it is one, and its test files would be imported as parts of Slicer.
    """
    path = list(sys.path)
    sys.path[:] = [each for each in path if Path(each).resolve() != TESTS]
    try:
        importlib.import_module("slicer")
    finally:
        sys.path[:] = path


def useNoScreen():
    """Let Qt and VTK draw into memory."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
