"""Who may connect: one token handed over at the start, or a file of named ones."""

import hmac
import os
import re
import stat
from pathlib import Path
from typing import Protocol

from medsam2.errors import InputError

from .log import log_event

LEAST_LENGTH = 16
_COMMENT = re.compile(r"(?:^|\s)#")  # within a token it is a character like others


class Tokens(Protocol):
    """Knows the valid tokens."""

    def name_of(self, token: str) -> str | None:
        """The name that a token belongs to; None for an unknown or revoked one."""


class OneToken:
    """The token of a backend that one client started for itself."""

    def __init__(self, token: str):
        self._token = token

    def name_of(self, token: str) -> str | None:
        """``local`` for the right token."""
        return "local" if hmac.compare_digest(token.encode(), self._token.encode()) else None


class TokenFile:
    """Named tokens, one ``NAME TOKEN`` per line. Edits count within seconds.

    ``#`` starts a comment at the beginning of a line or after white space.

    Raises:
        InputError: the file cannot be read, others can read it, or a line is wrong.
    """

    def __init__(self, path: Path):
        self._path = path
        self._stamp: tuple[int, ...] | None = None
        self._names: dict[bytes, str] = {}
        self._refresh()

    def name_of(self, token: str) -> str | None:
        """The name of a token, by the file as it is now; an edit that makes it unreadable revokes all."""
        try:
            self._refresh()
        except InputError:
            log_event("tokens_refused")
            return None
        given = token.encode()
        # All are compared, so that the time taken says nothing.
        found = [name for known, name in self._names.items() if hmac.compare_digest(known, given)]
        return found[0] if found else None

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
            # Not by its time and size alone: an edit can leave both as they were.
            stamp = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_mode)
            if stamp == self._stamp:
                return
            if os.name == "posix" and status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InputError(
                    f"Others can read the token file {self._path}: run chmod 600 on it, then start again."
                )
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"The token file {self._path} cannot be read: check its name.") from error
        self._names = self._parse(lines)
        self._stamp = stamp

    def _parse(self, lines: list[str]) -> dict[bytes, str]:
        names = {}
        for number, line in enumerate(lines, start=1):
            parts = _COMMENT.split(line)[0].split()
            if not parts:
                continue
            if len(parts) != 2 or len(parts[1]) < LEAST_LENGTH:
                raise InputError(
                    f"Line {number} of the token file is not NAME TOKEN with a token of at least "
                    f"{LEAST_LENGTH} characters: correct it."
                )
            names[parts[1].encode()] = parts[0]
        return names
