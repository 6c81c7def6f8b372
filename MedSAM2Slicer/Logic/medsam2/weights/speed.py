"""How long a slice takes here with each network: known without torch once the computer was measured.

What a network computes for a slice was counted (``Resources/network_work.json``). How much of each kind this
computer does in a second is measured once (``measuring.py``) and kept in the user's cache folder, until
processor, threads, graphics card or torch change.
"""

import functools
import importlib.metadata
import json
import os
import platform
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.resource_files import resource_path
from medsam2.threads import physical_cores
from medsam2.weights.store import made_weights_folder, weights_folder

WORK_FILE = resource_path("network_work.json")
QUICK_SECONDS, SLOW_SECONDS = 1.0, 5.0
"""For a slice: up to the first a person waits for it, up to the second one comes back after a coffee."""
SCAN_SLICES = 200
MEASUREMENT = 2
"""Which measurement it was: another one makes those that were kept of no use."""


class Pace(str, Enum):
    """How long a person waits on this computer."""

    QUICK = "quick"
    SLOW = "slow"
    TOO_SLOW = "too slow"


@dataclass(frozen=True)
class Work:
    """Amounts of each kind of computation.

    Attributes:
        products: operations of matrix products and convolutions, two for a multiply-add.
        attention: operations of scaled dot product attention.
        bytes: read and written by all else, as 32-bit floats.
        calls: of operators, whatever their size.
    """

    products: float
    attention: float
    bytes: float
    calls: float


@dataclass(frozen=True)
class Speed:
    """What a device of this computer does.

    Attributes:
        device: as torch names its kind, such as ``"cpu"``.
        per_second: of each kind of computation alone.
        is_at_rest: whether other programs left the processor alone while it was measured.
    """

    device: str
    per_second: Work
    is_at_rest: bool = True

    def seconds_per_slice(self, preset: str) -> float | None:
        """Estimate for a slice in the middle of a track; None for a network that was not counted."""
        work = _network_work().get(preset)
        if work is None:
            return None
        amounts, speeds = asdict(work), asdict(self.per_second)
        return sum(amount / speeds[kind] for kind, amount in amounts.items())


def pace(seconds_per_slice: float) -> Pace:
    """How that feels."""
    if seconds_per_slice <= QUICK_SECONDS:
        return Pace.QUICK
    return Pace.SLOW if seconds_per_slice <= SLOW_SECONDS else Pace.TOO_SLOW


def kept_speed(device: str = "auto") -> Speed | None:
    """What was measured of this computer as it is now, for a choice of device; None if it was not."""
    try:
        kept = _kept()[device]
        known = kept["computer"] == computer()
        return Speed(kept["device"], Work(**kept["per_second"])) if known else None
    except (KeyError, TypeError):  # none, or damaged
        return None


def speed(device: str = "auto", on_measuring: Callable[[], None] = lambda: None) -> Speed:
    """What this computer does: as kept, else measured now, which takes seconds; kept if it was at rest.

    Args:
        device: choice of device.
        on_measuring: called before it is measured.

    Raises:
        InputError: the device is not there.
    """
    if known := kept_speed(device):
        return known
    from medsam2.weights.measuring import measured_speed  # torch keeps those waiting who have measured

    on_measuring()
    found = measured_speed(device)
    if found.is_at_rest:
        with suppress(InputError, OSError):  # it is measured anew then
            keep(device, found)
    return found


def keep(device: str, found: Speed) -> None:
    """Note what was measured for a choice of device.

    Raises:
        InputError, OSError: the cache folder cannot be written.
    """
    made_weights_folder()
    kept = _kept() | {device: {"computer": computer(), **asdict(found)}}
    with complete_file(_file()) as unfinished:
        unfinished.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")


def computer() -> dict[str, str]:
    """What a measurement depends on, as far as it is known without torch."""
    return {
        "measurement": str(MEASUREMENT),
        "processor": _processor(),
        "threads": os.environ.get("OMP_NUM_THREADS") or str(physical_cores()),
        "graphics driver": shutil.which("nvidia-smi") or "",
        "graphics cards": os.environ.get("CUDA_VISIBLE_DEVICES", "all"),
        "torch": _torch_version(),
    }


def _torch_version() -> str:
    """Empty where it is not installed, as in Slicer at first."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("torch")
    return ""


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _file() -> Path:
    return weights_folder().parent / "speed.json"


def _kept() -> dict[str, dict]:
    try:
        kept = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return kept if isinstance(kept, dict) else {}


@functools.cache
def _network_work() -> dict[str, Work]:
    rows = json.loads(WORK_FILE.read_text("utf-8"))
    return {preset: Work(**row) for preset, row in rows.items()}
