"""The one volume that is meant, out of those in a folder."""

from collections.abc import Sequence
from pathlib import Path

from medsam2.errors import InputError, note
from medsam2.volume.dicom.stack import NO_POSITIONS
from medsam2.volume.dicom.volumes import ListedVolume
from medsam2.volume.volume import ReadOptions

_MOST_LISTED = 12


def choose(path: Path, listed: Sequence[ListedVolume], options: ReadOptions) -> ListedVolume:
    """The volume that the options name, or the only one of more than a single image.

    Raises:
        InputError: the options name none, or several could be meant; the message lists them.
    """
    return only(path, meant_volumes(path, listed, options))


def only(path: Path, meant: Sequence[ListedVolume]) -> ListedVolume:
    """The one volume; InputError, which lists them, where there are several."""
    if len(meant) > 1:
        raise InputError(
            f"{path} holds {len(meant)} volumes: choose one with --volume or --series, or give a folder that "
            f"holds nothing else; found {_list(meant)}."
        )
    return meant[0]


def meant_volumes(path: Path, listed: Sequence[ListedVolume], options: ReadOptions) -> Sequence[ListedVolume]:
    """The volumes that the options allow for, at least one.

    Warns with VolumeWarning of the single images, such as localizers, that were passed over.

    Raises:
        InputError: the options name none.
    """
    _check_number("series", options.series, max(each.entry.series for each in listed), path)
    _check_number("volume", options.volume, len(listed), path)
    meant = [
        each
        for each in listed
        if options.series in (None, each.entry.series) and options.volume in (None, each.entry.number)
    ]
    if not meant:
        raise InputError(
            f"Volume {options.volume} is not in series {options.series}: give one of the two; {path} holds "
            f"{_list(listed)}."
        )
    large = [each for each in meant if _is_stack(each)]
    if large and len(large) < len(meant):
        single = [each for each in meant if not _is_stack(each)]
        note(f"Single images beside the volume were left out (localizers?): {_list(single)}.")
        return large
    return meant


def _is_stack(volume: ListedVolume) -> bool:
    """Whether it is more than a single image, or than several of which nobody knows where they lie."""
    return volume.entry.shape[0] > 1 and volume.entry.problem != NO_POSITIONS


def _check_number(what: str, given: int | None, last: int, path: Path) -> None:
    if given is not None and not 1 <= given <= last:
        known = "only 1" if last == 1 else f"1 to {last}"
        raise InputError(f"There is no {what} {given} in {path}: there is {known}.")


def _list(volumes: Sequence[ListedVolume]) -> str:
    shown = [str(each.entry) for each in volumes[:_MOST_LISTED]]
    more = len(volumes) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")
