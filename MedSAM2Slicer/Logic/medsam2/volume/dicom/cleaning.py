"""What does not belong among the images of a folder: copies, and slices that lost their position."""

from pathlib import Path

from medsam2.volume.dicom.finding import Findings
from medsam2.volume.dicom.frame import Frame


def without_duplicates(findings: Findings) -> list[Path]:
    """Take images away that another file holds as well; returns the files that held nothing else.

    Identifiers alone do not tell, because some programs that remove names give one to all images.
    """
    seen: dict[tuple, Path] = {}
    kept, copies = [], set()
    for frame in findings.frames:
        first = seen.setdefault(_identity(frame), frame.file.path)
        if first == frame.file.path or not frame.file.sop_uid:
            kept.append(frame)
        else:
            copies.add(frame.file.path)
    findings.frames = kept
    return sorted(copies)


def _identity(frame: Frame) -> tuple:
    file = frame.file
    position = None if frame.position is None else tuple(frame.position)
    apart = tuple(frame.kind.items()), tuple(frame.marks.items())
    series = file.patient_and_study, file.series_uid, file.frame_of_reference
    return file.sop_uid, series, file.instance, frame.index, frame.tile, position, frame.shape, apart


def without_strays(findings: Findings) -> None:
    """Count a slice that does not say where it lies as damaged where others of its kind do."""
    with_position = {_kind(frame) for frame in findings.frames if frame.position is not None}
    strays = [frame for frame in findings.frames if frame.position is None and _kind(frame) in with_position]
    for frame in strays:
        findings.damaged[frame.file.path] = "it does not say where its slice lies"
    findings.frames = [frame for frame in findings.frames if frame.file.path not in findings.damaged]


def _kind(frame: Frame) -> tuple:
    return frame.file.series_uid, frame.shape, frame.file.colour, tuple(frame.kind.items())
