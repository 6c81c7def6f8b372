"""The lines of a list of cases: a CSV as programs and spreadsheets write it.

Commas, semicolons or tabs are between cells.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from medsam2.errors import InputError

_MOST_BYTES = 64 << 20


def csv_lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line that holds something; columns' names come first.

    Raises:
        InputError: the file cannot be read, or is no CSV.
    """
    text = _text(path)
    stated = re.match(r"sep=(.)\r?\n", text)  # Excel
    head = text[stated.end() :] if stated else text
    header = next((line for line in head.splitlines() if line.strip()), "")
    separator = stated[1] if stated else max(",;\t", key=header.count)
    before = 1 if stated else 0
    reader = csv.reader(
        io.StringIO(head, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    try:
        for texts in reader:
            cells = [cell.strip() for cell in texts]
            if any(cells):
                yield reader.line_num + before, cells
    except csv.Error as error:
        line = reader.line_num + before
        raise InputError(f"Line {line} of {path} is no CSV ({error}): correct its quotes.") from error


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is larger than {_MOST_BYTES >> 20} MiB: give a list of cases.")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The list {path} cannot be read ({error.strerror}): check its name.") from error
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = data.decode(encoding).lstrip("\ufeff")
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            raise InputError(f"{path} is no text: save the list as CSV.")
        return text
    raise InputError(f"{path} is no text of a known encoding: save it as CSV UTF-8.")
