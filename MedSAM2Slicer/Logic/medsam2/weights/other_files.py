"""What people give in place of a checkpoint, known by its first bytes."""

import re
from pathlib import Path

from medsam2.errors import InputError

START_BYTES = 256
SAFETENSORS = re.compile(rb".{8}\{", re.DOTALL)
OTHER_FILES = (
    (rb"\Z", "is empty; copy or download it again"),
    (
        rb"\s*<(!doctype|html|head|\?xml|!--)",
        "is a web page and not the weights: the link asks for a login or a click first, so open it in a "
        "browser and give the file that comes",
    ),
    (
        rb"version https://git-lfs",
        "only says where Git LFS keeps the weights; fetch them with 'git lfs pull', or download the file "
        "itself",
    ),
    (
        rb"\x08.[\x12\x3a\x42]",
        "is an ONNX model, which is not read; take the .pt, .pth or .safetensors file of the same network",
    ),
    (
        rb"(\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!)",
        "is a compressed archive; unpack it and give the .pt, .pth or .safetensors file in it",
    ),
    (rb"\x89HDF", "is an HDF5 file, as Keras writes them; give a .pt, .pth or .safetensors file"),
)
"""How files begin, and what is wrong with them."""


def refuse_other_files(path: Path) -> None:
    """Say what a file is that is clearly no checkpoint.

    Raises:
        InputError: it is one of those, or it cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
    except OSError as error:
        raise InputError(f"'{path.name}' cannot be read ({error.strerror}); check the file.") from error
    if SAFETENSORS.match(start):
        return
    for pattern, fault in OTHER_FILES:
        if re.match(pattern, start, re.DOTALL | re.IGNORECASE):
            raise InputError(f"'{path.name}' {fault}.")
