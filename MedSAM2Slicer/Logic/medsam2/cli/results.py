"""Masks, preview and summary of what was tracked: written together, and reported to people and machines."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from medsam2.cli.doubts import doubt_lines, doubts
from medsam2.cli.prompt_options import PromptedObject
from medsam2.cli.segmentation import Result
from medsam2.cli.wording import millilitres, significant
from medsam2.cli.written_together import Hidden, written_together
from medsam2.complete_file import explained_write_errors
from medsam2.confidence import SliceConfidence
from medsam2.errors import InputError
from medsam2.plain_matplotlib import load_matplotlib
from medsam2.volume import (
    DICOM_FORMATS,
    Segment,
    Volume,
    VolumeSlices,
    WeightsUsed,
    label_names_file,
    output_format,
    write_label_names,
    write_labelmap,
    write_segmentation,
)
from medsam2.volume.files.reading import is_dicom
from medsam2.volume.files.writing import END_WITH_ANOTHER

if TYPE_CHECKING:
    from medsam2.cli.pictures.preview_sheet import PreviewSegment

Overlap = Literal["last", "first"]


@dataclass(frozen=True)
class Outputs:
    """The files to write.

    Attributes:
        masks: a segmentation, a structure set, or a labelmap, beside which goes a table of its labels.
        preview: a picture.
        overlap: which object keeps voxels of several in a labelmap; None refuses a labelmap of such objects.
    """

    masks: Path
    preview: Path | None = None
    overlap: Overlap | None = None

    @cached_property
    def label_names(self) -> Path | None:
        """The table of labels; only a labelmap needs one. Chosen before anything is written."""
        has_names = self.is_dicom or output_format(self.masks) == ".seg.nrrd"
        return None if has_names else label_names_file(self.masks)

    @property
    def is_dicom(self) -> bool:
        """Whether the masks go into a DICOM object, which refers to the images."""
        return output_format(self.masks) in DICOM_FORMATS

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [path for path in (self.masks, self.label_names, self.preview) if path is not None]


def check_referable(outputs: Outputs, image: Path, scan: Volume) -> None:
    """Refuse DICOM as output where it could not refer to the image, or would be taken for a part of it.

    Raises:
        InputError: the image is no DICOM series as it is, or the output would lie in its folder.
    """
    if not outputs.is_dicom:
        return
    if not is_dicom(image):
        raise InputError(
            f"{outputs.masks.name} would refer to the DICOM images that it was made on, but {image.name} is "
            f"no DICOM: {END_WITH_ANOTHER}."
        )
    if image.is_dir() and outputs.masks.resolve().is_relative_to(image.resolve()):
        raise InputError(f"{outputs.masks} would lie among the images in {image}: choose another folder.")
    from medsam2.volume.dicom.output import check_source  # highdicom keeps those waiting who want no DICOM

    check_source(outputs.masks, scan)


def write_results(
    outputs: Outputs,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    result: Result,
    weights: WeightsUsed | None = None,
) -> None:
    """Write masks, table and preview: all of them or none.

    DICOM names the weights.

    Raises:
        InputError: a file could not be written; or the labelmap cannot hold overlapping objects, which are
            then in a segmentation beside it, so that nothing computed is lost.
    """
    labels: np.ndarray | None = None
    overlaps: list[str] = []
    target = outputs
    if outputs.label_names is not None:
        labels, overlaps = labelmap_of(objects, result, outputs.overlap)
    if overlaps:
        target, labels = replace(outputs, masks=free_segmentation_name(outputs.masks)), None
    with written_together(target.files) as hidden:
        write_files(hidden, target, labels, slices, objects, result, weights)
    if overlaps:
        raise InputError(
            f"{overlaps[0]}, which {outputs.masks.name} cannot hold, so all is kept in {target.masks}: give "
            "a name that ends with .seg.nrrd, or say with --overlap last or first which object has such "
            "voxels."
        )


def write_files(
    hidden: Hidden,
    outputs: Outputs,
    labels: np.ndarray | None,
    slices: VolumeSlices,
    objects: Sequence[PromptedObject],
    result: Result,
    weights: WeightsUsed | None = None,
) -> None:
    """Write masks, table and preview where ``hidden`` says; ``labels`` (k, j, i) are those of a labelmap."""
    masks, geometry = hidden(outputs.masks), slices.volume.geometry
    if outputs.preview is not None:
        write_sheet(hidden(outputs.preview), slices, objects, result)
    if outputs.is_dicom:
        from medsam2.volume.dicom.output import write_dicom

        write_dicom(masks, _segments(objects, result), slices.volume, weights)
    elif labels is None or outputs.label_names is None:
        write_segmentation(masks, _segments(objects, result), geometry)
    else:
        names = {entry.label: entry.name for entry in objects}
        write_label_names(hidden(outputs.label_names), names)
        write_labelmap(masks, labels, geometry)


def labelmap_of(
    objects: Sequence[PromptedObject], result: Result, overlap: Overlap | None
) -> tuple[np.ndarray, list[str]]:
    """Labels (k, j, i) of all objects, and what each shares with earlier ones if nothing says who has it."""
    largest = max(entry.label for entry in objects)
    labels = np.zeros(result.masks[objects[0].name].shape, np.min_scalar_type(largest))
    overlaps = []
    for entry in objects:
        mask = result.masks[entry.name]
        taken = labels[mask]
        if overlap is None and taken.any():
            earlier = next(other.name for other in objects if (taken == other.label).any())
            overlaps.append(f"{earlier} and {entry.name} share {np.count_nonzero(taken):,} voxels")
        labels[mask if overlap != "first" else mask & (labels == 0)] = entry.label
    return labels, overlaps


def free_segmentation_name(labelmap: Path) -> Path:
    """A name for a segmentation beside a labelmap that nothing has yet."""
    stem = labelmap.name.removesuffix(output_format(labelmap))
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.seg.nrrd" for number in count(1))
    return next(path for path in map(labelmap.with_name, names) if not os.path.lexists(path))


def _segments(objects: Sequence[PromptedObject], result: Result) -> list[Segment]:
    return [Segment(entry.name, entry.color, result.masks[entry.name], entry.label) for entry in objects]


def write_sheet(path: Path, slices: VolumeSlices, objects: Sequence[PromptedObject], result: Result) -> None:
    """Write the preview."""
    # matplotlib keeps those waiting who want no picture.
    load_matplotlib()
    from medsam2.cli.pictures.preview import write_preview

    with explained_write_errors(path):
        write_preview(path, slices, _preview_segments(objects, result))


def write_strip(path: Path, slices: VolumeSlices, objects: Sequence[PromptedObject], result: Result) -> None:
    """Write a small picture of the slices that tell most, as a JPEG."""
    load_matplotlib()
    from medsam2.cli.pictures.preview import write_strip

    write_strip(path, slices, _preview_segments(objects, result))


def _preview_segments(objects: Sequence[PromptedObject], result: Result) -> "list[PreviewSegment]":
    from medsam2.cli.pictures.preview_sheet import PreviewSegment

    return [
        PreviewSegment(
            entry.name, entry.color, result.masks[entry.name], entry.prompts, result.doubtful(entry.name)
        )
        for entry in objects
    ]


def summary(slices: VolumeSlices, objects: Sequence[PromptedObject], result: Result) -> dict[str, Any]:
    """What came out, for people and for machines."""
    voxel_ml = slices.volume.geometry.voxel_ml
    rows = []
    for entry in objects:
        planes = np.moveaxis(result.masks[entry.name], slices.axis_index, 0)
        rows.append(
            {
                "name": entry.name,
                "label": entry.label,
                "voxels": int(planes.sum()),
                "volume_ml": significant(float(planes.sum()) * voxel_ml),
                "slices": int(planes.any(axis=(1, 2)).sum()),
                "view_mm": result.fields_of_view_mm[entry.name],
                **doubts(entry, result),
                "scores": [
                    _scores(index, slice) for index, slice in sorted(result.confidence[entry.name].items())
                ],
            }
        )
    return {
        "objects": rows,
        "axis": slices.axis,
        "orientations": result.orientations,
        "seconds": round(result.seconds, 3),
        "seconds_per_slice": round(result.seconds_per_slice, 4),
    }


def _scores(index: int, slice: SliceConfidence) -> dict[str, float]:
    scores = {"slice": index, "iou": round(slice.iou, 4), "object_score": round(slice.object_score, 3)}
    return scores if slice.agreement is None else {**scores, "agreement": round(slice.agreement, 4)}


def describe(report: dict[str, Any]) -> str:
    """A summary as lines of text."""
    lines = []
    for o in report["objects"]:
        slices = f"{o['slices']} slice{'s' * (o['slices'] != 1)}"
        lines.append(f"{o['name']}: {millilitres(o['volume_ml'])} on {slices}, view {o['view_mm']:g} mm")
        lines += doubt_lines(o)
    return "\n".join([*lines, f"{report['seconds']:.1f} s, {report['seconds_per_slice']:.3f} s per slice"])
