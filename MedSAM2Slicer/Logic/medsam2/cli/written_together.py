"""Several files that get their names together, so that there are all of them or none."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from medsam2.cli.stopping import held_back
from medsam2.complete_file import hidden_folder_beside
from medsam2.errors import InputError

Hidden = Callable[[Path], Path]
"""Where a file is to be written in the meantime: under its own name, in a hidden folder beside it."""


@contextmanager
def written_together(files: Sequence[Path]) -> Iterator[Hidden]:
    """Yield where to write the files; they get their names if the block ends without an error.

    After an error nothing is left of them, and older files are as they were. Who stops the command while
    they get their names gets all.

    Raises InputError if a folder is missing or closed to writing, or if the disk is full.
    """
    with ExitStack() as folders:
        folder_of = {
            folder: folders.enter_context(hidden_folder_beside(folder / "results"))
            for folder in dict.fromkeys(file.parent for file in files)
        }

        def hidden(path: Path) -> Path:
            return folder_of[path.parent] / path.name

        folders.enter_context(_told_as_named(folder_of))
        yield hidden
        with held_back():
            for file in files:
                os.replace(hidden(file), file)


@contextmanager
def _told_as_named(folder_of: Mapping[Path, Path]) -> Iterator[None]:
    """What goes wrong with files in hidden folders is told with the names that these were to have."""
    try:
        yield
    except InputError as error:
        sentence = str(error)
        for folder, hidden in folder_of.items():
            sentence = sentence.replace(str(hidden), str(folder))
        raise InputError(sentence) from error
