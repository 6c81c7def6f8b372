"""The SQLite file behind a review: its tables, and transactions that several processes may make."""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgpack

from medsam2.errors import InputError
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol.fields import to_field, to_wire

FILE_NAME = "review.sqlite"
_LOCK_SECONDS = 30.0
_APPLICATION, _VERSION = 0x4D325331, 2
_Kept = TypeVar("_Kept", Prompt, PlacedMask)

# Of an image: what a decision changes, and undo brings back. `base` is the mask that the prompt corrects,
# `basis` says what the network's answer was made from.
CHANGED = ("state", "confidence", "pixels", "mask", "prompt", "base", "basis", "reason")
# Of an image too: `written` is the revision whose mask is a file. Files of version 1 have more columns.
_TABLES = f"""
CREATE TABLE images (
    position INTEGER PRIMARY KEY, path BLOB UNIQUE, name TEXT UNIQUE, state TEXT, confidence REAL,
    pixels INTEGER, mask BLOB, rows INTEGER, columns INTEGER, prompt BLOB, base BLOB, basis TEXT,
    reason TEXT DEFAULT '', revision INTEGER DEFAULT 0, written INTEGER DEFAULT -1
);
CREATE TABLE decisions (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, {", ".join(CHANGED)});
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT);
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
"""


class ReviewDatabase:
    """The file in a folder, made if it is not there yet.

    Raises:
        InputError: the folder holds other things than a set, or a review that this version cannot read.
    """

    def __init__(self, folder: Path):
        self.path = folder / FILE_NAME
        _check_ours(folder, self.path)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Every transaction is begun by hand, so that none is left open by accident.
            self._connection = sqlite3.connect(self.path, timeout=_LOCK_SECONDS, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise InputError(f"{folder} cannot be written ({error}): choose another folder.") from error
        self._connection.row_factory = sqlite3.Row
        with self.transaction():
            self._settle()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is changed in the block, or nothing; nobody else changes anything meanwhile.

        Within another one it is part of that.
        """
        if self._connection.in_transaction:
            yield
            return
        with self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """What a query finds."""
        with self._explained():
            return self._connection.execute(query, _utf8(values)).fetchall()

    def change(self, query: str, *values: Any) -> int:
        """How many rows a change concerned."""
        with self._explained():
            return self._connection.execute(query, _utf8(values)).rowcount

    def _settle(self) -> None:
        """Make the tables of a new file; refuse another program's, and a newer version's."""
        (application,), (version,) = (
            self.rows(f"PRAGMA {name}")[0] for name in ("application_id", "user_version")
        )
        if not application and not self.rows("SELECT 1 FROM sqlite_master LIMIT 1"):
            for statement in _TABLES.split(";"):
                self._connection.execute(statement)
        elif application != _APPLICATION:
            raise self._foreign()
        elif version > _VERSION:
            raise InputError(f"{self.path} was written by a newer version of medsam2: update medsam2 first.")

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise InputError(
                f"{self.path} cannot be read or written ({error}): check the disk, and whether another "
                "program holds the file."
            ) from error
        except sqlite3.DatabaseError as error:
            raise self._foreign() from error

    def _foreign(self) -> InputError:
        return InputError(f"{self.path} is no review of an image set, or is damaged: choose another folder.")


def _check_ours(folder: Path, file: Path) -> None:
    """Refuse a folder with the user's own files in it, and links, which may lead to such."""
    if file.is_symlink():
        raise InputError(f"{file} is a link: name the folder where the review really is.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder: name a new folder for the set.")
    try:
        is_foreign = folder.is_dir() and not file.is_file() and any(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read ({error.strerror}): choose another folder.") from error
    if is_foreign:
        raise InputError(f"{folder} holds other files: name a new or empty folder for the set.")


def _utf8(values: Sequence[Any]) -> list[Any]:
    """SQLite's texts are UTF-8; a name of a file in them may be none."""
    return [
        value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
        for value in values
    ]


def packed(value: Prompt | PlacedMask | None) -> bytes | None:
    """As a row keeps it."""
    return None if value is None else zlib.compress(msgpack.packb(to_wire(value)))


def unpacked(kind: type[_Kept], kept: bytes | None) -> _Kept | None:
    """What ``packed`` took."""
    return None if kept is None else to_field(kind, msgpack.unpackb(zlib.decompress(kept)), "kept")
