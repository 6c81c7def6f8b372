"""A list of cases in a file: pairs of image and label, as CSV or JSON."""

import json
from pathlib import Path

import jsonschema

from medsam2.csv_lines import csv_lines
from medsam2.datasets.case import Case, stem
from medsam2.errors import InputError
from medsam2.resource_files import resource_path
from medsam2.strict_json import parsed_json


def read_pairs(path: Path) -> list[Case]:
    """The cases of a list, in its order; paths are relative to the list.

    A CSV has a line of column names, image and label, and perhaps name. A JSON file is a list of objects
    with the same keys, and perhaps structures: ``Resources/cases.schema.json`` describes it.

    Raises:
        InputError: the file cannot be read, lists no case, or two cases have one name.
    """
    rows = _from_csv(path) if path.suffix == ".csv" else _from_json(path)
    names = [row.get("name") or stem(Path(row["image"])) for row in rows]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InputError(f"{path} lists two cases called '{double}': give each a name of its own.")
    return [
        Case(name, path.parent / row["image"], (path.parent / row["label"],), row.get("structures", {}))
        for name, row in zip(names, rows, strict=True)
    ]


def _from_csv(path: Path) -> list[dict]:
    lines = list(csv_lines(path))
    if len(lines) < 2:
        raise InputError(f"The list {path} holds no case: add a line with image and label for each.")
    columns = lines[0][1]
    rows = []
    for number, cells in lines[1:]:
        row = dict(zip(columns, cells, strict=False))
        if not (row.get("image") and row.get("label")):
            raise InputError(
                f"Line {number} of {path} lacks image or label: give both columns, with names on top."
            )
        rows.append(row)
    return rows


def _from_json(path: Path) -> list[dict]:
    try:
        rows = parsed_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The list {path} cannot be read: check its name and that it is UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The list {path} is no usable JSON: {error}.") from error
    schema = json.loads(resource_path("cases.schema.json").read_text(encoding="utf-8"))
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(rows))
    if problem is not None:
        raise InputError(f"The list {path} is wrong at {problem.json_path}: {problem.message}.")
    return rows
