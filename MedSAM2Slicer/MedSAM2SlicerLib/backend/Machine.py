"""What this computer has: Slicer's Python, memory and disk in gigabytes, versions of software."""

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path

import slicer
from slicer.i18n import tr as _

import medsam2

PACKAGES = ("torch", "numpy", "SimpleITK", "msgpack", "websockets", "starlette", "uvicorn", "safetensors")


def pythonProgram() -> str:
    """Slicer's own Python as a program; it is a launcher that sets up the libraries' paths."""
    found = shutil.which("PythonSlicer")
    # Windows looks in the working folder first, which may be one of downloaded images.
    return found if found and os.path.isabs(found) else sys.executable


def memoryGigabytes() -> tuple[float | None, float | None]:
    """Free and total memory; None before the package that can tell is installed."""
    try:
        import psutil
    except ImportError:
        return None, None
    memory = psutil.virtual_memory()
    return memory.available / 1e9, memory.total / 1e9


def freeDiskGigabytes() -> float:
    """Free space where the user's files are, weights among them."""
    return shutil.disk_usage(Path.home()).free / 1e9


def versions() -> dict[str, str]:
    """Software by name; nothing is imported to find out."""
    found = {
        "MedSAM2": medsam2.__version__,
        "Slicer": slicer.app.applicationVersion,
        "Python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = _("not installed")
    return found
