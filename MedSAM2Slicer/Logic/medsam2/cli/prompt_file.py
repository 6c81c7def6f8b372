"""Prompt files: JSON with prompts of several objects, of the form in ``Resources/prompts.schema.json``."""

import json
from pathlib import Path
from typing import Any

import jsonschema

from medsam2.errors import InputError
from medsam2.prompt import MOST_POSITIONS
from medsam2.resource_files import resource_path
from medsam2.strict_json import parsed_json

MOST_BYTES = 4 << 20
MOST_OBJECTS = 255
MOST_POINTS = 1000
"""Points of one object."""
_LONGEST_FAULT = 200


def read_prompt_file(path: Path) -> dict[str, Any]:
    """The document of a prompt file, checked; UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        InputError: it cannot be read, is no such JSON, or holds more than anyone prompts by hand.
    """
    try:
        if not path.is_file():
            raise InputError(f"The prompt file {path} does not exist or is no file: check its name.")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                f"The prompt file {path} is larger than {MOST_BYTES >> 20} MiB: split it, or give a mask."
            )
        # Whole numbers of any length become floats, which is what coordinates are.
        document = parsed_json(path.read_bytes(), parse_int=float)
        _check_size(path, document)
        _check_form(path, document)
    except OSError as error:
        raise InputError(f"The prompt file {path} cannot be read: check its name and permissions.") from error
    except RecursionError as error:
        raise InputError(
            f"The prompt file {path} nests brackets too deeply: give lists of points."
        ) from error
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"The prompt file {path} is no usable JSON: {error}.") from error
    return document


def _check_size(path: Path, document: Any) -> None:
    """Refuse what would keep the check of the form busy for minutes."""
    objects = document.get("objects") if isinstance(document, dict) else None
    if not isinstance(objects, list):
        return
    if len(objects) > MOST_OBJECTS:
        raise InputError(
            f"The prompt file {path} has {len(objects)} objects: give at most {MOST_OBJECTS} in one file."
        )
    for number, entry in enumerate(objects):
        if not isinstance(entry, dict):
            continue
        points = len(_list(entry, "points"))
        lines = [*_list(entry, "strokes"), *_list(entry, "lassos")]
        positions = sum(len(_list(line, "positions")) for line in lines)
        for count, most, what in (
            (points, MOST_POINTS, "points"),
            (max(positions, len(lines)), MOST_POSITIONS, "positions of lines"),
        ):
            if count > most:
                raise InputError(
                    f"The prompt file {path} has {count} {what} at $.objects[{number}]: give at most {most} "
                    "for an object, or paint a mask."
                )


def _list(entry: Any, key: str) -> list[Any]:
    """A list in the document; empty where there is none, which the check of the form tells."""
    found = entry.get(key) if isinstance(entry, dict) else None
    return found if isinstance(found, list) else []


def _check_form(path: Path, document: Any) -> None:
    schema = json.loads(resource_path("prompts.schema.json").read_text(encoding="utf-8"))
    problem = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if problem is None:
        return
    missing = problem.validator == "anyOf"  # the schema's only one
    fault = "it needs points, a box, strokes or lassos" if missing else problem.message
    if len(fault) > _LONGEST_FAULT:
        fault = f"{fault[: _LONGEST_FAULT // 2]} … {fault[-_LONGEST_FAULT // 2 :]}"
    raise InputError(f"The prompt file {path} is wrong at {problem.json_path}: {fault}.")
