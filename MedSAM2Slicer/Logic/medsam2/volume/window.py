"""From stored intensities to the grey values that the network sees."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsam2.errors import InputError
from medsam2.volume.intensities import sample, without_padding
from medsam2.volume.modality import may_be_hounsfield
from medsam2.volume.volume import Volume


@dataclass(frozen=True)
class Window:
    """Range of intensities shown: ``lower`` and less is black (0), ``upper`` and more is white (1)."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        if not 0 < self.upper - self.lower < math.inf:
            raise InputError(
                f"The window {self.lower:g}:{self.upper:g} is empty or endless: "
                "give two numbers, the lower first, such as -160:240."
            )

    @classmethod
    def from_level(cls, level: float, width: float) -> "Window":
        """Window of a width round its level (centre), as radiology workstations name it."""
        return cls(level - width / 2, level + width / 2)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Grey values, float32 from 0 to 1, of one slice (rows, columns) in any real dtype."""
        # In place: a radiograph has many voxels.
        grey = pixels.astype(np.float64)
        grey -= self.lower
        grey /= self.upper - self.lower
        return grey.clip(0, 1, out=grey).astype(np.float32)


WINDOW_PRESETS = {
    "soft-tissue": Window.from_level(level=40, width=400),
    "lung": Window.from_level(level=-600, width=1500),
    "bone": Window.from_level(level=400, width=1800),
    "brain": Window.from_level(level=40, width=80),
}


def choose_window(volume: Volume, choice: str | Sequence[float] | None = None) -> Window:
    """The window that ``choice`` names, or the one that suits the volume.

    ``choice`` is a preset's name, "LOWER:UPPER", a pair (lower, upper), or None or "auto", which takes

    - 0 to 255 for 8-bit voxels, and for whole numbers from exactly 0 to exactly 255 in a wider dtype:
      those have been through a window already;
    - else the soft-tissue window for CT in Hounsfield units, as in MedSAM2's preprocessing;
    - else the 0.5th to 99.5th percentile of the voxels that are neither padding nor 0 (likewise for MR and
      others).

    Raises InputError for anything else.
    """
    if choice is None or choice == "auto":
        return _suitable_window(volume)
    if isinstance(choice, str):
        return WINDOW_PRESETS[choice] if choice in WINDOW_PRESETS else _parse_range(choice)
    return Window(*choice)


def _parse_range(text: str) -> Window:
    try:
        lower, upper = map(float, text.split(":"))
    except ValueError:
        presets = ", ".join(WINDOW_PRESETS)
        raise InputError(
            f"{text!r} is no window: give LOWER:UPPER such as -160:240, auto, or one of {presets}."
        ) from None
    return Window(lower, upper)


@np.errstate(over="ignore", invalid="ignore")  # Window refuses what comes of it
def _suitable_window(volume: Volume) -> Window:
    some = sample(volume.voxels)
    if _already_windowed(volume.voxels, some):
        return Window(0, 255)
    if volume.modality == "CT" and may_be_hounsfield(volume.voxels):
        return WINDOW_PRESETS["soft-tissue"]
    measured, _ = without_padding(some)
    foreground = measured[measured != 0]
    lower, upper = np.percentile(foreground if foreground.size else measured, [0.5, 99.5]).tolist()
    if lower < upper:
        return Window(lower, upper)
    lower, upper = float(volume.voxels.min()), float(volume.voxels.max())
    return Window(lower, upper) if lower < upper else Window(lower, lower + max(1.0, abs(lower)))


def _already_windowed(voxels: np.ndarray, some: np.ndarray) -> bool:
    if voxels.dtype == np.uint8:
        return True
    return voxels.min() == 0 and voxels.max() == 255 and not np.any(some % 1)
