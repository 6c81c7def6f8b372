"""What a file may be called on any system."""

import unicodedata

_FORBIDDEN = '/\\:*?"<>|'
_NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories."""
_OF_SCRIPTS = "\u00ad\u061c\u200c\u200d\u200e\u200f"
"""Cannot be seen, but Arabic, Persian, Hebrew and Hindi are misspelt without them."""
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
}


def file_name(text: str, longest: int = 200) -> str:
    """The nearest to a text that can be a file's name everywhere, before its ending.

    What cannot be shown or written becomes ``_``, as does what a command line would take for something
    else; a name that Windows keeps for a device, such as ``con``, gets one in front.

    Args:
        text: what the file is to be called; of an empty one ``image`` is made.
        longest: bytes, as endings follow.
    """
    letters = unicodedata.normalize("NFC", text).strip(" .")
    name = "".join(letter if _is_kept(letter) else "_" for letter in letters)
    if name.startswith(("-", "~")):
        name = "_" + name[1:]
    if name.casefold().partition(".")[0].rstrip() in _DEVICES:
        name = "_" + name
    return name.encode()[:longest].decode(errors="ignore").rstrip(" .") or "image"


def _is_kept(letter: str) -> bool:
    is_shown = letter in _OF_SCRIPTS or unicodedata.category(letter) not in _NOT_SHOWN
    return is_shown and letter not in _FORBIDDEN
