"""What a person should know about an image that can be used all the same."""

import warnings


class VolumeWarning(UserWarning):
    """The volume is usable, but something about it deserves a look."""


def note(sentence: str) -> None:
    """Tell the user; the command prints it as a note."""
    warnings.warn(sentence, VolumeWarning, stacklevel=3)
