"""The cells of a case, each an option of ``medsam2 segment``, as what that command works with."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from medsam2.cli.cohort.case import Case
from medsam2.cli.cohort.template import carried_objects
from medsam2.cli.prompt_options import PromptOptions, check_prompt_options, objects_from_options
from medsam2.cli.segmenting import ObjectsOf, SegmentOptions
from medsam2.cli.time_choice import TimeChoice
from medsam2.errors import InputError
from medsam2.volume import ReadOptions, label_names_file

BY_HAND = ("point", "box", "stroke", "lasso")
PROMPTS = (*BY_HAND, "mask", "prompts")
OPTIONS = (
    "image",
    *PROMPTS,
    "name",
    "ijk",
    "axis",
    "range",
    "time",
    "series",
    "volume",
    "skip-damaged",
    "resample",
    "nan",
    "modality",
    "view",
    "window",
    "memory",
    "orientations",
    "overlap",
)
"""What a column may be called, besides ``case``; in the order in which people are told."""
_YES, _NO = ("yes", "y", "true", "1", "x", "on"), ("no", "n", "false", "0", "off")


def segment_options(case: Case) -> SegmentOptions:
    """The image of a case, and how it is segmented.

    Raises:
        InputError: a cell is wrong, whatever the image holds.
    """
    cells = case.cells
    time = TimeChoice.parsed(cells.get("time"), None)
    if time.is_all:
        raise InputError(
            "A case is one time point: give its number, or segment all of them with medsam2 segment."
        )
    _one_of(cells, "overlap", ("first", "last"))
    memory = _one_of(cells, "memory", ("neighbours", "self-sorting"))
    return SegmentOptions(
        _image(case),
        ReadOptions(
            _whole(cells, "series"),
            _whole(cells, "volume"),
            _yes(cells, "skip-damaged"),
            _yes(cells, "resample"),
            _number(cells, "nan"),
            cells.get("modality"),
        ),
        time,
        cells.get("axis", "auto"),
        cells.get("range"),
        cells.get("view", "auto"),
        cells.get("window", "auto"),
        "self-sorting" if memory == "self-sorting" else "neighbours",
        _whole(cells, "orientations") or 1,
    )


def objects_of_case(case: Case) -> ObjectsOf:
    """What makes the objects of a case on its image: its prompts, else the template.

    Raises:
        InputError: there are no prompts, several kinds of them, or they are wrong whatever the image.
    """
    cells = case.cells
    if case.template is not None and not any(kind in cells for kind in PROMPTS):
        if "name" in cells:
            raise InputError("The names of objects come with the template: leave the cell name empty.")
        return partial(carried_objects, template=case.template)
    options = PromptOptions(
        _positions(cells.get("point", "")),
        cells.get("box"),
        _lines(cells.get("stroke", "")),
        _lines(cells.get("lasso", "")),
        _path(case, "mask"),
        _path(case, "prompts"),
        cells.get("name"),
        # Of a whole list it concerns the cases with coordinates.
        _yes(cells, "ijk") and any(kind in cells for kind in BY_HAND),
    )
    check_prompt_options(options)
    return partial(objects_from_options, options=options)


def check_defaults(cells: Mapping[str, str]) -> None:
    """Raise InputError for a cell that the command gives to all cases, and that would fail all of them."""
    anything = Case("any", {"image": "any", **cells}, Path(), Path())
    segment_options(anything)


def files_read(case: Case) -> dict[str, Path]:
    """Files and folders that a case is made from, by what they are to it, whether or not they exist."""
    paths = {option: _path(case, option) for option in ("image", "mask", "prompts")}
    if case.template is not None:
        paths |= {"template": case.template.volume, "template mask": case.template.mask}
    for what in ("mask", "template mask"):
        mask = paths.get(what)
        if mask is not None and mask.name:  # the root has none
            paths[f"names of the {what}"] = label_names_file(mask)
    return {what: path for what, path in paths.items() if path is not None}


def _image(case: Case) -> Path:
    path = _path(case, "image")
    if path is None:
        raise InputError("The cell image is empty: name the volume of this case.")
    return path


def _path(case: Case, option: str) -> Path | None:
    text = case.cells.get(option)
    return None if text is None else case.base / text


def _positions(text: str) -> list[str]:
    """Texts as ``--point`` takes them, from one cell with spaces between."""
    return re.sub(r"\s*,\s*", ",", text).split()


def _lines(text: str) -> list[str]:
    """Texts as ``--stroke`` takes them, from one cell with ``|`` or line breaks between."""
    return [line for line in re.split(r"[|\r\n]+", text) if line.strip()]


def _yes(cells: Mapping[str, str], option: str) -> bool:
    return _one_of(cells, option, _YES + _NO, "yes or no") in _YES


def _one_of(cells: Mapping[str, str], option: str, words: tuple[str, ...], said: str = "") -> str | None:
    text = cells.get(option)
    if text is None or text.lower() in words:
        return None if text is None else text.lower()
    raise InputError(f"The cell {option} holds {text}: give {said or ' or '.join(words)}.")


def _whole(cells: Mapping[str, str], option: str) -> int | None:
    number = _number(cells, option)
    if number is None:
        return None
    if number < 1 or not number.is_integer():  # some spreadsheets write 2.0
        raise InputError(f"The cell {option} holds {cells[option]}: give a whole number from 1.")
    return int(number)


def _number(cells: Mapping[str, str], option: str) -> float | None:
    try:
        return float(cells[option]) if option in cells else None
    except ValueError as error:
        raise InputError(f"The cell {option} holds {cells[option]}: give a number.") from error
