"""The list of cases: which columns it may have, and what each case is called."""

import re
import unicodedata
from collections.abc import Mapping
from os.path import isdir  # a name too long is of no folder, where that of Path raises an error
from pathlib import Path
from typing import NamedTuple

from medsam2.cli.cohort.cells import OPTIONS
from medsam2.csv_lines import csv_lines
from medsam2.errors import InputError
from medsam2.file_names import file_name

CASE = "case"
_ALIASES = {"points": "point", "boxes": "box", "strokes": "stroke", "lassos": "lasso", "prompt": "prompts"}
_ENDINGS = (".nii.gz", ".img.gz", ".seq.nrrd")
_LONGEST_NAME = 150  # bytes, as endings follow


class Row(NamedTuple):
    """A case of the list: its name, its cells by option without the empty ones, and its line."""

    name: str
    cells: Mapping[str, str]
    line: int


def read_rows(path: Path) -> list[Row]:
    """The rows of a list, with names of their own.

    Columns whose name begins with ``#`` do not count.

    Raises:
        InputError: the list cannot be read, has a column that is none, or two rows have the same name.
    """
    lines = list(csv_lines(path))
    if len(lines) < 2:
        raise InputError(f"{path} lists no case: give a line of column names, and one for each case.")
    columns = _columns(path, lines[0][1])
    rows: list[Row] = []
    for line, texts in lines[1:]:
        if any(texts[len(columns) :]):
            raise InputError(
                f"Line {line} of {path} has {len(texts)} cells, but there are {len(columns)} columns: put "
                "texts with commas, such as coordinates, into quotes."
            )
        cells = {option: text for option, text in zip(columns, texts, strict=False) if option and text}
        name = cells.pop(CASE, "") or _default_name(path.parent, cells.get("image", ""))
        rows.append(Row(_checked_name(path, line, name), cells, line))
    first: dict[str, Row] = {}
    for row in rows:
        same = first.setdefault(row.name.casefold(), row)
        if same is not row:
            raise InputError(
                f"Lines {same.line} and {row.line} of {path} would both be called {row.name}: give each case "
                f"a name of its own in a column {CASE}."
            )
    return rows


def _columns(path: Path, texts: list[str]) -> list[str]:
    """The option of each column; empty for one that does not count."""
    columns = []
    for text in texts:
        name = re.sub(r"[\s_]+", "-", text.lower().lstrip("-"))
        name = "" if name.startswith("#") else _ALIASES.get(name, name)
        if name and name not in (CASE, *OPTIONS):
            raise InputError(
                f"{path} has a column {text}, which is none that a case has: {CASE}, {', '.join(OPTIONS)}; "
                f"call it #{text} if it is for people only."
            )
        if name and name in columns:
            raise InputError(f"{path} has two columns {name}: leave one.")
        columns.append(name)
    if "image" not in columns:
        raise InputError(
            f"{path} has no column image: name its columns in the first line, one of them image."
        )
    return columns


def _default_name(base: Path, text: str) -> str:
    """The image's, without what says which kind of file it is; empty where there is none."""
    image = Path(text)
    ending = next((end for end in _ENDINGS if image.name.lower().endswith(end)), image.suffix)
    return image.name if isdir(base / image) else image.name[: len(image.name) - len(ending)]


def _checked_name(path: Path, line: int, name: str) -> str:
    """A case's name, which is to be the name of files on any system."""
    name = unicodedata.normalize("NFC", name)
    if name != file_name(name, _LONGEST_NAME):
        said = f"calls its case {name}" if name else "names no image"
        raise InputError(
            f"Line {line} of {path} {said}, which can be no file's name: give it a short one of letters, "
            f"digits, - and _ in a column {CASE}."
        )
    return name
