"""The files that a command writes: checked, and held against other runs, before anything is computed."""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.volume.files.dicom_signature import is_dicom_file
from medsam2.volume.files.reading import is_dicom
from medsam2.volume.files.utf8_names import HEADERS

_LONGEST_HEADER = 1 << 20


class HeldElsewhere(InputError):  # noqa: N818 - like InputError, a sentence for people
    """Another run holds a file."""


class _OnlyTrying(Exception):  # noqa: N818 - not an error
    """Leaves a file unwritten."""


@contextmanager
def held_destinations(files: Sequence[Path], read: Sequence[Path], overwrite: bool) -> Iterator[None]:
    """Files to write, for the length of the block this run's alone.

    Args:
        files: to write.
        read: files and folders that the run reads.
        overwrite: replace files that exist.

    Raises:
        InputError: one could not be written, is read, exists, or is another run's; nothing has happened then.
    """
    check_destinations(files, read)
    with ExitStack() as locks:
        for file in files:
            locks.enter_context(_held(file))
        # Last, as another run may have written one until now.
        check_free(files, overwrite)
        yield


def check_destinations(files: Sequence[Path], read: Sequence[Path]) -> None:
    """Raise InputError if a file could not be written, or is one of those that the run reads."""
    for number, file in enumerate(files):
        _check_writable(file)
        if file in files[:number] or _find_among(file, files[:number]) is not None:
            raise InputError(f"{file} would be written twice: give each output a name of its own.")
        original = _find_among(file, read)
        if original is not None:
            raise InputError(
                f"{file} would replace {original}, which this command reads: name another file to write."
            )


def check_free(files: Sequence[Path], overwrite: bool) -> None:
    """Raise InputError if a file exists that must not be replaced."""
    for file in files:
        if os.path.lexists(file) and not overwrite:
            raise InputError(f"{file} exists: name another file, or replace it with --overwrite.")


def _check_writable(file: Path) -> None:
    """Refuse a link, a folder, a device, and whatever lies in a folder where nothing can be made."""
    try:
        mode = file.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = stat.S_IFREG
    except OSError as error:
        raise InputError(f"{file} cannot be written ({error.strerror}): name another file.") from error
    if stat.S_ISLNK(mode):
        raise InputError(f"{file} is a link: name the file that is to be written itself.")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise InputError(f"{file} is a device or a pipe: name an ordinary file to write.")
    with suppress(_OnlyTrying), complete_file(file):
        raise _OnlyTrying


@contextmanager
def _held(file: Path) -> Iterator[None]:
    """Keep other runs from writing a file. The system ends the hold with this process, however that ends."""
    name = file.with_name(f".{file.name}.lock")
    lock = FileLock(str(name), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise HeldElsewhere(
            f"Another run is writing {file}: wait for its end, or name another file."
        ) from error
    except OSError as error:
        raise InputError(
            f"{file} cannot be held against other runs ({error.strerror}): name another file."
        ) from error
    try:
        yield
    finally:
        # Before it is released, so that nobody can hold a file that is about to vanish.
        with suppress(OSError):
            name.unlink()
        lock.release()


def _find_among(path: Path, read: Iterable[Path]) -> Path | None:
    """The file that is read and that ``path`` is, by whatever name or link; None if it is none of them.

    Args:
        path: of a file that may exist.
        read: images, folders of images with all that is in them, and other files; missing ones do not matter.
    """
    if not path.exists():
        return None
    same = ((file, given) for given in read for file in _files_of(given) if _same(path, file))
    return next((file for file, given in same if _is_source(file, given)), None)


def _is_source(file: Path, given: Path) -> bool:
    """Whether a file of ``given`` may be part of the image: of a DICOM folder, nothing that is no DICOM."""
    return not given.is_dir() or not is_dicom(given) or is_dicom_file(file)


def _same(path: Path, other: Path) -> bool:
    """Whether two paths lead to one file, through links, hard links or another case of letters."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def _files_of(path: Path) -> Iterator[Path]:
    """The files that reading ``path`` may read."""
    if path.is_dir():
        for folder, _, names in os.walk(path, followlinks=True):
            yield from (Path(folder, name) for name in names)
        return
    yield path
    if path.suffix.lower() in (".hdr", ".img"):
        yield from (path.with_suffix(suffix) for suffix in (".hdr", ".img", ".HDR", ".IMG"))
    if path.suffix.lower() in HEADERS and path.is_file():
        yield from _files_named_in(path)


def _files_named_in(header: Path) -> Iterator[Path]:
    """Files that lines of a text header name: alone, after a key, or as a pattern, ``slice%03d.raw``."""
    with header.open("rb") as file:
        text = os.fsdecode(file.read(_LONGEST_HEADER))
    for line in text.splitlines():
        value = re.split(r"=|:", line, maxsplit=1)[-1].strip()
        for name in {line.strip(), value, value.split(" ")[0]} - {"", ".", ".."}:
            if "%" in name:
                pattern = re.sub(r"%\d*d", "*", name)
                if not Path(pattern).is_absolute():
                    yield from header.parent.glob(pattern)
            else:
                yield header.parent / name
