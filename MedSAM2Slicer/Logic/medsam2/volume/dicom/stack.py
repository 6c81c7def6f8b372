"""Planes in the order of their positions, and the grid that they form or why they form none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsam2.volume.dicom.frame import Frame
from medsam2.volume.geometry import LPS_TO_RAS, Geometry

TOLERANCE = 0.1
"""How far a slice may lie from its position on the grid, in slice spacings."""
_ROUNDING, _ROUNDING_MM = 0.01, 0.02
"""What lies this near to a right-angled grid, in slice spacings or millimetres, is on it but for rounding."""
_SAME_POSITION_MM = 1e-3
NO_POSITIONS = "the files do not say where their slices lie"


@dataclass(frozen=True, eq=False)
class Stack:
    """The planes of one volume.

    Attributes:
        frames: in the order of the slices, along the normal.
        geometry: their grid, None where they form none.
        problem: why not, as a sentence without its end; None where they do.
        notes: what deserves a look though the volume is usable, as sentences.
    """

    frames: tuple[Frame, ...]
    geometry: Geometry | None
    problem: str | None = None
    notes: tuple[str, ...] = ()


def stack(frames: Sequence[Frame]) -> Stack:
    """Sort planes of one size, direction and pixel spacing by their positions, and find their grid."""
    if any(frame.position is None or frame.directions is None for frame in frames):
        return _without_positions(frames)
    normal = frames[0].normal
    ordered = sorted(frames, key=lambda f: (f.position @ normal, f.file.instance, f.index))
    positions = np.array([frame.position for frame in ordered])
    problem = _why_irregular(positions, normal) if len(positions) > 1 else None
    if problem is not None:
        return Stack(tuple(ordered), None, problem)
    notes: list[str] = []
    step = _step(positions, normal) if len(positions) > 1 else _single_step(ordered[0], notes) * normal
    return Stack(tuple(ordered), grid(ordered, positions[0], step, len(ordered), notes), None, tuple(notes))


def grid(
    frames: Sequence[Frame], first: np.ndarray, step: np.ndarray, count: int, notes: list[str]
) -> Geometry:
    """Grid of ``count`` slices of the size of ``frames``: position of the first and step to the next, LPS mm.

    What had to be assumed is added to ``notes``.
    """
    rows, columns = _pixel_spacing(frames[0], notes)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = frames[0].axes * [[columns], [rows]]
    matrix[:3, 2], matrix[:3, 3] = step, first
    spaces = {frame.file.frame_of_reference for frame in frames} - {""}
    space = spaces.pop() if len(spaces) == 1 else ""
    return Geometry((count, *frames[0].shape), LPS_TO_RAS @ matrix, space)


def repeats(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Planes that have a position, by position: those within a micrometre of each other along the normal."""
    normal = frames[0].normal
    ordered = sorted(frames, key=lambda frame: frame.position @ normal)
    gaps = np.diff([frame.position for frame in ordered], axis=0) @ normal
    groups = [[ordered[0]]]
    for gap, frame in zip(gaps, ordered[1:], strict=True):
        if gap > _SAME_POSITION_MM:
            groups.append([])
        groups[-1].append(frame)
    return groups


def _step(positions: np.ndarray, normal: np.ndarray) -> np.ndarray:
    """From slice to slice, (3,) LPS: along the normal, or at a slant where the gantry was tilted."""
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    straight = (step @ normal) * normal
    off = _off_the_grid(positions, straight).max()
    return straight if off <= max(_ROUNDING * np.linalg.norm(straight), _ROUNDING_MM) else step


def _off_the_grid(positions: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Millimetres between each slice and its position on the grid that begins at the first."""
    return np.linalg.norm(positions - positions[0] - np.arange(len(positions))[:, None] * step, axis=1)


def _why_irregular(positions: np.ndarray, normal: np.ndarray) -> str | None:
    gaps = np.diff(positions @ normal)
    if gaps.min() <= _SAME_POSITION_MM:
        at = int(gaps.argmin())
        return f"slices {at} and {at + 1} lie at the same place"
    usual = float(np.median(gaps))
    step = (positions[-1] - positions[0]) / (len(positions) - 1)
    sideways = np.linalg.norm(step - (step @ normal) * normal)
    off = _off_the_grid(positions, step)
    if off.max() <= TOLERANCE * usual and sideways <= step @ normal:
        return None
    wrong = np.flatnonzero(np.abs(gaps - usual) > TOLERANCE * usual)
    if len(wrong):
        at = int(wrong[0])
        more = f" ({len(wrong)} such gaps)" if len(wrong) > 1 else ""
        return f"slices {at} and {at + 1} are {gaps[at]:.1f} mm apart, the others {usual:.1f} mm{more}"
    if off.max() > TOLERANCE * usual:
        off = _off_the_others(positions)
        return f"slice {int(off.argmax())} lies {off.max():.1f} mm off the even grid of the others"
    return f"each slice is {sideways:.1f} mm beside the one before it and only {usual:.1f} mm further"


def _off_the_others(positions: np.ndarray) -> np.ndarray:
    """Millimetres between each slice and the grid that most of them form, whichever of them is wrong."""
    rest = positions - np.arange(len(positions))[:, None] * np.median(np.diff(positions, axis=0), axis=0)
    return np.linalg.norm(rest - np.median(rest, axis=0), axis=1)


def _single_step(frame: Frame, notes: list[str]) -> float:
    if frame.thickness is None and not frame.step:
        notes.append("The image does not say how thick its slice is: it counts as 1 mm.")
    return frame.thickness or abs(frame.step or 1.0)


def _pixel_spacing(frame: Frame, notes: list[str]) -> tuple[float, float]:
    if frame.spacing is None:
        notes.append(
            "The images do not say how far their pixels are apart (Pixel Spacing): they count as 1 mm, so "
            "nothing in millimetres or millilitres is right."
        )
    return frame.spacing or (1.0, 1.0)


def _without_positions(frames: Sequence[Frame]) -> Stack:
    """Planes of which nobody knows where they lie: one image, or the frames of one file as they come."""
    frames = tuple(sorted(frames, key=lambda frame: (frame.file.instance, frame.index)))
    if len({frame.file.path for frame in frames}) > 1:
        return Stack(frames, None, NO_POSITIONS)
    notes: list[str] = []
    if len(frames) == 1:
        step = _single_step(frames[0], notes)
    else:
        step = abs(frames[0].step or frames[0].thickness or 1.0)
        notes.append(
            "The file does not say where its frames lie: they count as slices in the order of the file, "
            f"{step:g} mm apart."
        )
    rows, columns = _pixel_spacing(frames[0], notes)
    matrix = LPS_TO_RAS @ np.diag([columns, rows, step, 1.0])
    return Stack(frames, Geometry((len(frames), *frames[0].shape), matrix), None, tuple(notes))
