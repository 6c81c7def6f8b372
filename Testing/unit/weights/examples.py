"""Checkpoint files written byte by byte, and what must become of all hostile ones."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

LARGE = b"\x8a\x05" + (10**11).to_bytes(5, "little")
"""A large number, as a pickle has it."""
READ_ALL = """
import json, resource, sys
from medsam2.errors import InputError
from medsam2.weights.checkpoint import read_checkpoint
for path in sys.argv[1:]:
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        read_checkpoint(path)
    except InputError as error:
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held
        print(json.dumps([str(error), grown // 1024]), flush=True)
"""


def all_refused(folder: Path, message: str) -> None:
    """Each file of a folder, read in another process, is refused by name and takes less than 200 MB."""
    paths = sorted(folder.iterdir())
    command = [sys.executable, "-c", READ_ALL, *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert run.returncode == 0, run.stderr
    for path, line in zip(paths, run.stdout.splitlines(), strict=True):
        sentence, megabytes = json.loads(line)
        assert sentence.startswith(f"'{path.name}'")
        assert re.search(message, sentence), sentence
        assert sys.platform != "linux" or megabytes < 200


def archive(
    path: Path, table: bytes, numbers: bytes = bytes(4), compression: int = zipfile.ZIP_STORED
) -> Path:
    """A file as torch writes it, of one storage called 0, with a pickle of one's own."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in (
            ("data.pkl", table),
            ("byteorder", b"little"),
            ("data/0", numbers),
            ("version", b"3\n"),
        ):
            file.writestr(f"archive/{name}", content)
    return path
