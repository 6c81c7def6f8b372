"""The record of a case, ``NAME.result.json``: what it was made from, whether it is complete, what came of it.

It is written before the case's other files, so that they are known as this command's own, and again after
them: only then the case is complete.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from medsam2.cli.cohort.case import Case, CaseResult, FoundObject
from medsam2.cli.cohort.cells import files_read
from medsam2.complete_file import complete_file
from medsam2.errors import InputError

VERSION = 1
MOST_TRIES = 2
"""Times that a case may end the process that works on it."""
Stamp = list[int] | None
"""Of a file: bytes, nanoseconds of its last change; of a folder: files, bytes, latest change; or missing."""


@dataclass(frozen=True)
class Record:
    """What is known of a case from its folder.

    Attributes:
        made_from: what decided when it was begun.
        outputs: stamps of files that are this command's own, by name; None where not known.
        tries: how often it was begun without an end.
        result: None while it is not complete.
    """

    made_from: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Stamp] = field(default_factory=dict)
    tries: int = 0
    result: CaseResult | None = None


def made_from(case: Case) -> dict[str, Any]:
    """All that decides what comes of a case, as JSON has it; paths of files do not, as machines differ."""
    weights = case.weights
    speed = {} if case.speed == "exact" else {"speed": case.speed}  # records of before there was a choice
    return {
        "row": dict(case.cells),
        "format": case.format,
        "weights": None if weights is None else [Path(weights).name, stamp(Path(weights))],
        "carried": None if case.template is None else case.template.carried,
        "files": {what: stamp(path) for what, path in files_read(case).items()},
        **speed,
    }


def stamp(path: Path) -> Stamp:
    """What changes when a file, or one in a folder, does."""
    try:
        if not path.is_dir():
            status = path.stat()
            return [status.st_size, status.st_mtime_ns]
        all_in = [os.stat(Path(folder, name)) for folder, _, names in os.walk(path) for name in names]
    except OSError:
        return None
    return [
        len(all_in),
        sum(status.st_size for status in all_in),
        max((status.st_mtime_ns for status in all_in), default=0),
    ]


def read_record(case: Case) -> Record | None:
    """The record of a case; None where there is none.

    Raises:
        InputError: a file of its name is something else.
    """
    try:
        found = json.loads(case.record.read_bytes())
        if found["version"] != VERSION:
            raise ValueError
        return Record(found["made_from"], found["outputs"], found["tries"], _result(found["result"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{case.record} is no record of a case that this version can read: move it away, or choose "
            "another folder."
        ) from error


def write_record(case: Case, record: Record) -> None:
    """Write the record of a case.

    Raises:
        InputError: the folder cannot be written.
    """
    with complete_file(case.record) as path:
        text = json.dumps({"version": VERSION, **asdict(record)}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")


def why_again(case: Case, record: Record) -> str:
    """Why a case that was begun is done again, as the end of a sentence; empty for one that is finished."""
    if record.result is None:
        return "it was broken off"
    was, now = record.made_from, made_from(case)
    if was["row"] != now["row"]:
        return "its row or the command's options have changed"
    changed = [what for what in now["files"] if now["files"][what] != was["files"].get(what)]
    if changed:
        return f"the {changed[0]} has changed"
    if was["weights"] != now["weights"]:
        return "the weights have changed"
    if was != now:
        return "the command's options have changed"
    missing = [name for name in record.result.files if not (case.folder / name).exists()]
    return f"{missing[0]} is missing" if missing else ""


def _result(found: Mapping[str, Any] | None) -> CaseResult | None:
    if found is None:
        return None
    objects = tuple(FoundObject(**entry) for entry in found["objects"])
    return CaseResult(
        **{**found, "objects": objects, "notes": tuple(found["notes"]), "files": tuple(found["files"])}
    )
