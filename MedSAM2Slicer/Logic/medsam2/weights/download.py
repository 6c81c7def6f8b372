"""Fetch a catalogue's file into the store: with progress, going on where an earlier try stopped.

Pooch names the file only when it is complete; what it lacks, resuming, is the small downloader here.
Unfinished bytes lie in ``<file>.part``, and ``<file>.part.version`` holds the server's validator (ETag or
date), so that bytes of two versions of a file are never joined.
"""

import errno
import logging
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from medsam2.errors import InputError
from medsam2.weights.catalogue import CatalogueEntry
from medsam2.weights.importing import read_complete
from medsam2.weights.store import (
    StoredWeights,
    find_stored,
    locate,
    made_weights_folder,
    record_checksum,
    unproven_file,
)

Progress = Callable[[int, int | None], None]

CHUNK_BYTES = 1 << 18
VERSION = re.compile(r"[ -~]+")
"""What can stand in a request again."""
TIMEOUT_SECONDS = (10, 60)
GO_ON = "start it again and it goes on where it stopped"
SIZE_FACTOR, SIZE_MARGIN = 2, 1 << 20
"""The most that a file may have beyond the catalogue's size: numbers twice as wide, and their table."""


def download(entry: CatalogueEntry, progress: Progress = lambda done, total: None) -> StoredWeights:
    """Bring the weights of a catalogue entry into the store; does nothing where they are installed.

    A file without a known checksum is trusted the first time: it must be a complete checkpoint of the
    expected network, and the checksum then recorded is checked at every use. A file with another checksum
    than the known one is kept aside and not installed: the catalogue's come from third parties, and the
    publisher may have put up a newer file, which a person can tell and a program cannot.

    Args:
        entry: what to fetch.
        progress: called with the bytes done so far and their total (``None`` if the server hides it).

    Raises:
        InputError: network, server, disk or checksum fail, or people fetch the file themselves; only a
            network failure or a full disk leaves the unfinished part, for the next try to go on with.
    """
    if entry.url is None or find_stored(entry.name):
        return locate(entry.name)
    folder = made_weights_folder()
    part = folder / f"{entry.filename}.part"
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        fetched = pooch.retrieve(
            entry.url,
            None,
            entry.filename,
            folder,
            downloader=_ResumingDownload(entry, part, progress),
        )
    except InputError:
        raise
    except requests.RequestException as error:
        raise InputError(
            f"The download of '{entry.name}' broke off ({_reason(error)}); {GO_ON}, or {entry.by_hand}."
        ) from error
    except OSError as error:
        raise InputError(_disk_message(folder, error)) from error
    return _accept(entry, Path(fetched))


def _accept(entry: CatalogueEntry, path: Path) -> StoredWeights:
    """Let a fetched file count as installed once it proves to be the network that the catalogue promises."""
    problem = _problem(entry, path)
    if problem:
        path.unlink()
        raise InputError(f"The file downloaded for '{entry.name}' is not usable and was deleted: {problem}")
    checksum = pooch.file_hash(str(path))
    if entry.sha256 not in (None, checksum):
        aside = path.replace(unproven_file(entry))
        raise InputError(_another_file(entry, aside, checksum))
    record_checksum(path)
    unproven_file(entry).unlink(missing_ok=True)  # of an earlier try
    return StoredWeights(entry.name, path, entry)


def _another_file(entry: CatalogueEntry, aside: Path, checksum: str) -> str:
    return (
        f"The file downloaded for '{entry.name}' is not the one that the catalogue knows, and is not "
        f"installed: its SHA-256 is {checksum}, the catalogue's is {entry.sha256} (from "
        f"{entry.checksum_from}). If {entry.page} says that it is a newer file, or gives that checksum, "
        f"bring it in, with 'Import file' in Slicer's module MedSAM2 or 'medsam2 weights import "
        f"{shlex.quote(str(aside))} --name {entry.name}'; else delete it and try again: {aside}"
    )


def _problem(entry: CatalogueEntry, path: Path) -> str | None:
    """What is wrong with a fetched file. On return nothing maps it any more, so it can go on Windows too."""
    try:
        read_complete(path, entry)
    except InputError as error:
        return str(error)
    return None


class _ResumingDownload:
    """A pooch downloader that appends to ``part`` and hands it over when complete."""

    def __init__(self, entry: CatalogueEntry, part: Path, progress: Progress) -> None:
        self.entry = entry
        self.limit = SIZE_FACTOR * entry.size_bytes + SIZE_MARGIN
        self.part = part
        self.version = part.with_name(part.name + ".version")
        self.progress = progress

    def __call__(self, url: str, output_file: str, _pooch: object) -> None:
        with requests.Session() as session, self._open(session, url) as response:
            if response.status_code >= 400:
                raise InputError(_refusal(self.entry, response.status_code))
            self._receive(response)
        self.version.unlink(missing_ok=True)
        shutil.move(self.part, output_file)

    def _open(self, session: requests.Session, url: str) -> requests.Response:
        """Ask for the rest of the file, or for all of it where the server will not continue."""
        headers = {"Accept-Encoding": "identity"}
        done, version = self._done()
        if done:
            headers |= {"Range": f"bytes={done}-", "If-Range": version}
        response = session.get(url, headers=headers, stream=True, timeout=TIMEOUT_SECONDS)
        if done and not _continues(response, done):
            response.close()
            self.part.unlink()
            return self._open(session, url)
        return response

    def _done(self) -> tuple[int, str]:
        """Bytes of an earlier try, and the version they are of; none where either is not known."""
        if not (self.part.is_file() and self.version.is_file()):
            return 0, ""
        version = self.version.read_text(encoding="utf-8", errors="replace")
        return (self.part.stat().st_size, version) if VERSION.fullmatch(version) else (0, "")

    def _receive(self, response: requests.Response) -> None:
        resumes = response.status_code == requests.codes.partial_content
        done = self._done()[0] if resumes else 0
        total = self._total(response, done)
        self._check_space(total - done if total else 0)
        self._keep_version(response)
        with self.part.open("ab" if resumes else "wb") as file:
            self.progress(done, total)
            for chunk in response.iter_content(CHUNK_BYTES):
                done += len(chunk)
                self._check_size(done)
                file.write(chunk)
                self.progress(done, total)
        if total is not None and done != total:
            raise requests.ConnectionError(f"{done} of {total} bytes arrived")

    def _total(self, response: requests.Response, done: int) -> int | None:
        """The size of the whole file, where the server says it."""
        length = response.headers.get("Content-Length")
        if length is None:
            return None
        if not re.fullmatch("[0-9]{1,18}", length):
            raise InputError(
                f"The server of '{self.entry.name}' says '{length[:20]}' where the size of the file should "
                f"be; try again later, or {self.entry.by_hand}."
            )
        self._check_size(done + int(length))
        return done + int(length)

    def _check_size(self, size: int) -> None:
        """Refuse, and delete, what is too large to be the file."""
        if size <= self.limit:
            return
        for left in (self.part, self.version):
            left.unlink(missing_ok=True)
        raise InputError(
            f"The server's file for '{self.entry.name}' is too large, {size / 1e6:,.0f} MB or more where the "
            f"catalogue has {self.entry.size_bytes / 1e6:,.0f} MB; nothing was kept: {self.entry.by_hand}."
        )

    def _keep_version(self, response: requests.Response) -> None:
        """Remember which version of the file this is; without a word from the server there is no resuming."""
        tag = response.headers.get("ETag", "")
        strong = tag if not tag.startswith("W/") else ""
        version = strong or response.headers.get("Last-Modified", "")
        if version:
            self.version.write_text(version, encoding="utf-8")
        else:
            self.version.unlink(missing_ok=True)

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.part.parent).free
        if needed > free:
            raise InputError(
                f"The folder '{self.part.parent}' has {free / 1e6:.0f} MB free but the file needs "
                f"{needed / 1e6:.0f} MB; free space and start it again."
            )


def _continues(response: requests.Response, done: int) -> bool:
    """Whether a server that was asked to go on at a byte did so, or sends the whole file."""
    if response.status_code == requests.codes.requested_range_not_satisfiable:
        return False
    begins = response.headers.get("Content-Range", f"bytes {done}-").startswith(f"bytes {done}-")
    return begins or response.status_code != requests.codes.partial_content


def _refusal(entry: CatalogueEntry, status: int) -> str:
    if status in (requests.codes.not_found, requests.codes.gone):
        return f"There is no file at {entry.url} any more; {entry.by_hand}."
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        return f"The server refuses {entry.url} (status {status}); {entry.by_hand}."
    return f"The server answered {entry.url} with status {status}; try again later, or {entry.by_hand}."


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted here"
    return "the connection failed"


def _disk_message(folder: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk of '{folder}' is full; free space, then {GO_ON}."
    return f"The folder '{folder}' cannot be written ({error.strerror}); set MEDSAM2_HOME to another folder."
