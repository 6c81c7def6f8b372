"""Which value of a labelmap is which segment: a table in a JSON file beside it, or its header."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from os.path import exists, isfile  # a name too long is of no file, where those of Path raise an error
from pathlib import Path

from medsam2.errors import InputError, note
from medsam2.strict_json import parsed_json
from medsam2.volume.files.byte_source import opened
from medsam2.volume.files.itk_file import read_itk_image
from medsam2.volume.files.nifti import is_nifti
from medsam2.volume.files.segmentation_file import names_by_label
from medsam2.volume.files.writing import OUTPUT_FORMATS
from medsam2.volume.segment import check_segment_name

_SUFFIX = ".labels.json"
_MOST_BYTES = 1 << 20
# The element of Connectome Workbench that TotalSegmentator writes too. Entities, which could expand
# without end, can only be declared before it.
_XML_START, _XML_END = b"<CaretExtension>", b"</CaretExtension>"


def label_names_file(labelmap: Path) -> Path:
    """Where the table of a labelmap lies: ``liver.labels.json`` beside ``liver.nii.gz``.

    Where that is, or may be, another labelmap's, such as that of ``liver.mha``: ``liver.nii.gz.labels.json``.
    """
    shared, own = _shared_table(labelmap), labelmap.with_name(labelmap.name + _SUFFIX)
    is_taken = exists(shared) and not exists(labelmap)
    return own if exists(own) or is_taken else shared


def _shared_table(labelmap: Path) -> Path:
    """The table called as all labelmaps of this name without their endings."""
    name = labelmap.name
    ends = (end for end in (*OUTPUT_FORMATS, labelmap.suffix) if name.lower().endswith(end.lower()))
    return labelmap.with_name(name[: len(name) - len(next(ends))] + _SUFFIX)


def write_label_names(path: Path, names: Mapping[int, str]) -> None:
    """Write a table, straight to ``path``: an object of values and names, such as ``{"1": "liver"}``."""
    table = {str(value): name for value, name in sorted(names.items())}
    path.write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_label_names(labelmap: Path) -> dict[int, str]:
    """Names by value from the table beside a labelmap, else from its header; empty if there is none.

    Raises:
        InputError: there is a file beside it, but it is no such table, or its header is damaged.
    """
    path = label_names_file(labelmap)
    if not isfile(path):
        return _names_in_header(labelmap)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError
        table = parsed_json(path.read_bytes())
        names = {int(value): check_segment_name(name) for value, name in table.items()}
        if len(names) < len(table):  # "1" and "01"
            raise ValueError
        return names
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(
            f'{path} does not say which label is which, as in {{"1": "liver"}}: correct it, or move it away.'
        ) from error


def _names_in_header(labelmap: Path) -> dict[int, str]:
    if labelmap.name.lower().endswith(".seg.nrrd"):
        return _names_in_segmentation(labelmap)
    return _names_in_nifti(labelmap) if is_nifti(labelmap) else {}


def _names_in_segmentation(labelmap: Path) -> dict[int, str]:
    image = read_itk_image(labelmap)
    try:
        return {label: check_segment_name(name) for label, name in names_by_label(image).items()}
    except ValueError as error:
        raise InputError(
            f"The segments that {labelmap} names cannot be read: save it anew in Slicer."
        ) from error


def _names_in_nifti(labelmap: Path) -> dict[int, str]:
    """Names from the table that some programs put between the header and the voxels, as XML."""
    with opened(labelmap) as file:
        head = file.read(_MOST_BYTES)
    table = head[head.find(_XML_START) : head.find(_XML_END) + len(_XML_END)]
    if not table.startswith(_XML_START):
        return {}
    try:
        labels = ElementTree.fromstring(table).iter("Label")
        return {int(label.attrib["Key"]): check_segment_name(label.text or "") for label in labels}
    except (ElementTree.ParseError, KeyError, ValueError):
        note(f"The names in the header of {labelmap.name} cannot be read: its segments are called by number.")
        return {}
