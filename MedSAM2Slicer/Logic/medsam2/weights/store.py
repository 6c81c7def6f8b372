"""The user's folder of weights: what is installed, and taking it out.

Files lie in ``weights`` under the user's cache folder (``MEDSAM2_HOME`` names another one). Beside each
lies ``<file>.sha256``, written last: a file without it does not count as installed. The checksum is the one
of the moment the file came in, and it is checked whenever the weights are used, so that a file that changes
afterwards is noticed.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

import pooch
from safetensors import SafetensorError, safe_open

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.resource_files import resource_path
from medsam2.weights.catalogue import CatalogueEntry, catalogue, find_entry

HOME_VARIABLE = "MEDSAM2_HOME"
UNPROVEN = ".unproven"
"""In the name of a file whose checksum is not the catalogue's."""
FILE_SUFFIXES = (".pt", ".pth", ".safetensors")
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Short enough for the name of a file with its endings, on every system."""


@dataclass(frozen=True)
class StoredWeights:
    """A file of weights on this computer.

    Attributes:
        name: its name in the store, or the file's name for a file from elsewhere.
        path: the file.
        entry: the catalogue's entry, ``None`` for imported weights of the user's own.
    """

    name: str
    path: Path
    entry: CatalogueEntry | None = None

    @property
    def preset(self) -> str | None:
        """The preset where the catalogue has it."""
        return self.entry.preset if self.entry else None

    @property
    def size_bytes(self) -> int:
        """Size of the file."""
        return self.path.stat().st_size


def weights_folder() -> Path:
    """The folder of downloaded and imported weights, whether it exists yet or not."""
    home = os.environ.get(HOME_VARIABLE)
    return (Path(os.path.expanduser(home)) if home else Path(pooch.os_cache("medsam2"))) / "weights"


def made_weights_folder() -> Path:
    """The same folder, made where absent.

    Raises:
        InputError: it cannot be made.
    """
    folder = weights_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder '{folder}' cannot be made ({error.strerror}); set {HOME_VARIABLE} to another folder."
        ) from error
    return folder


def find_stored(name: str) -> StoredWeights | None:
    """The weights of that name if they are on this computer; a path is no name, so it finds nothing."""
    if not SAFE_NAME.fullmatch(name):
        return None
    entry = next((entry for entry in catalogue() if entry.name == name), None)
    if entry and entry.shipped:
        path = resource_path(f"weights/{entry.filename}")
        return StoredWeights(name, path, entry) if path.is_file() else None
    filenames = [entry.filename] if entry else []
    for filename in [*filenames, f"{name}.safetensors"]:
        path = weights_folder() / filename
        if os.path.isfile(path) and os.path.isfile(checksum_file(path)):
            return StoredWeights(name, path, entry)
    return None


def installed() -> list[StoredWeights]:
    """All weights on this computer: those of the catalogue in its order, then imported ones by name."""
    known = [entry.name for entry in catalogue()]
    imported = sorted(path.stem for path in weights_folder().glob("*.safetensors"))
    found = [find_stored(name) for name in [*known, *(name for name in imported if name not in known)]]
    return [weights for weights in found if weights]


def disk_use() -> int:
    """Bytes that the store takes, unfinished downloads included."""
    return sum(path.stat().st_size for path in weights_folder().glob("*") if path.is_file())


def locate(name_or_path: str | Path) -> StoredWeights:
    """The weights of that name, or the checkpoint file at that path; a known name goes first.

    Raises:
        InputError: there is neither, the weights are not downloaded yet, or the file in the store
            is not the one that came in.
    """
    if stored := find_stored(str(name_or_path)):
        _check_unchanged(stored)
    return stored or find_weights(name_or_path)


def find_weights(name_or_path: str | Path) -> StoredWeights:
    """As ``locate``, but without a look into the file.

    Raises:
        InputError: there is neither, or the weights are not downloaded yet.
    """
    name = str(name_or_path)
    stored = find_stored(name)
    if stored:
        return stored
    path = Path(name_or_path)
    if os.path.isfile(path):  # unlike Path.is_file, no error for a name too long for a file
        return StoredWeights(path.name, path)
    if path.suffix in FILE_SUFFIXES or len(path.parts) > 1:
        raise InputError(f"There is no checkpoint file '{name}'; check the path.")
    entry = find_entry(name)
    entry.require_usable()
    if entry.shipped:
        raise InputError(f"The file of the weights '{name}' is missing from the package; install it again.")
    if entry.url is None:
        raise InputError(f"The weights '{name}' are not installed: {entry.by_hand}.")
    raise InputError(
        f"The weights '{name}' are not installed; download them, in Slicer's module MedSAM2 or with "
        f"'medsam2 weights download {name}'."
    )


def noted_network(path: Path) -> dict[str, str]:
    """Family and preset, which an import notes in the file; empty for a damaged one."""
    try:
        with safe_open(path, "numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}


def remove(name: str) -> int:
    """Delete downloaded or imported weights; returns the bytes freed.

    Raises:
        InputError: there are none of that name, or they ship with the package.
    """
    stored = find_stored(name)
    if stored is None:
        raise InputError(f"No weights '{name}' are installed; 'medsam2 weights list' shows what is.")
    if stored.entry and stored.entry.shipped:
        raise InputError(f"The weights '{name}' ship with the package and stay.")
    freed = stored.size_bytes
    try:
        checksum_file(stored.path).unlink()
        stored.path.unlink()
    except OSError as error:
        raise InputError(f"'{stored.path}' cannot be removed ({error.strerror}).") from error
    return freed


def unproven_file(entry: CatalogueEntry) -> Path:
    """Where a download lies that has another checksum than the catalogue's; never installed by itself."""
    name = Path(entry.filename)
    return weights_folder() / f"{name.stem}{UNPROVEN}{name.suffix}"


def checksum_file(path: Path) -> Path:
    """Where the checksum of a stored file lies, in the format of ``sha256sum``."""
    return path.with_name(path.name + ".sha256")


def record_checksum(path: Path, unfinished: Path | None = None) -> str:
    """Compute a stored file's SHA-256 and write it beside the file, which makes it count as installed.

    Args:
        path: of the stored file.
        unfinished: where its content is still, so that no stop leaves a file that nothing lists.
    """
    digest = pooch.file_hash(str(unfinished or path))
    with complete_file(checksum_file(path)) as unfinished:
        unfinished.write_text(f"{digest}  {path.name}\n", "utf-8", "surrogateescape")
    return digest


def _check_unchanged(stored: StoredWeights) -> None:
    """Compare a stored file with its recorded checksum; the shipped file has none but the catalogue's.

    Raises:
        InputError: the file changed since it came in.
    """
    entry = stored.entry
    try:
        expected = entry.sha256 if entry and entry.shipped else _recorded_checksum(stored.path)
        if expected is None or pooch.file_hash(str(stored.path)) == expected:
            return
    except OSError as error:
        raise InputError(
            f"The file of the weights '{stored.name}' cannot be read ({error.strerror}): check {stored.path}."
        ) from error
    raise InputError(
        f"The file of the weights '{stored.name}' has changed since it was installed; delete it, in "
        f"Slicer's module MedSAM2 or with 'medsam2 weights remove {stored.name}', and bring it in again."
    )


def _recorded_checksum(path: Path) -> str:
    """The checksum beside a stored file; of a damaged record, what no file has."""
    return (checksum_file(path).read_text(encoding="utf-8", errors="replace").split() or ["none"])[0]
