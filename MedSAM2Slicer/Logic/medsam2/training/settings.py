"""What a fine-tuning run is made with; written into its folder, and the same whenever it goes on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medsam2.complete_file import complete_file
from medsam2.errors import InputError
from medsam2.protocol.messages import Memory

SETTINGS_FILE = "settings.json"
MEMORY_WORDS: dict[str, str] = {"temporal": "neighbours", "self-sorting": "self-sorting"}
"""What ``--memory`` calls each bank."""
EXTENDING = ("steps", "patience")
"""What makes a run longer without another past: it may grow when the run goes on."""


@dataclass(frozen=True)
class Settings:
    """Everything that the result depends on.

    Attributes:
        weights: name or file that the run starts from.
        steps: optimiser steps.
        clips: in the batch of each process.
        frames: slices in a clip.
        objects: largest number of structures followed in a clip.
        image_size: side of the training images in pixels, a multiple of 32; None for the network's own.
        rate: highest learning rate; the image encoder's is 0.6 of it.
        freeze: parts of the network that stay as they are.
        memory: the bank that tracking uses.
        checkpointing: whether slices are encoded again during the backward pass instead of kept.
        validate_every: steps between two validations.
        patience: the run ends after so many validations without a better score.
        seed: of the split, the clips and the prompts.
        processes: how many train together.
    """

    weights: str = "starter"
    steps: int = 1000
    clips: int = 2
    frames: int = 8
    objects: int = 3
    image_size: int | None = None
    rate: float = 5e-5
    freeze: tuple[str, ...] = ()
    memory: Memory = "temporal"
    checkpointing: bool = False
    validate_every: int = 100
    patience: int = 5
    seed: int = 0
    processes: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "clips", "frames", "objects", "validate_every", "patience"):
            if getattr(self, name) < 1:
                raise InputError(f"{_option(name)} is {getattr(self, name)}: give at least 1.")
        if not 0 < self.rate < 1:
            raise InputError(f"{_option('rate')} is {self.rate:g}: give a learning rate such as 5e-5.")
        if self.image_size is not None and (self.image_size < 32 or self.image_size % 32):
            raise InputError(
                f"{_option('image_size')} is {self.image_size}: give a multiple of 32, such as 256."
            )


def names_digest(names: Sequence[str]) -> str:
    """A short fingerprint of the cases of a set, which gives no name away."""
    digest = hashlib.sha256("/".join(names).encode(errors="surrogatepass"))  # names of files may be no UTF-8
    return f"{len(names)} cases, {digest.hexdigest()[:12]}"


def keep_settings(folder: Path, settings: Settings, data: dict[str, str]) -> None:
    """Write the settings of a new run, or compare them with those of the run that is there.

    More steps or more patience than before are taken, and written down.

    Args:
        folder: of the run; made where absent.
        settings: of this call.
        data: fingerprints of the sets and of the weights.

    Raises:
        InputError: the run there was made with others; the message names each that differs.
    """
    wanted = json.loads(json.dumps({**asdict(settings), **data}))
    path = folder / SETTINGS_FILE
    if not path.exists():
        _refuse_foreign(folder)
        _write(path, wanted)
        return
    there = _read(path)
    differing = {name: value for name, value in wanted.items() if there.get(name) != value}
    refused = [
        f"{_option(name)} {_shown(name, there.get(name))}, not {_shown(name, value)}"
        for name, value in differing.items()
        if name not in EXTENDING or value < there.get(name, 0)
    ]
    if refused:
        raise InputError(
            f"The run in {folder} was made with {'; '.join(refused)}: give the same, or another folder."
        )
    if differing:
        _write(path, wanted)


def _read(path: Path) -> dict[str, Any]:
    try:
        there = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        there = None
    if not isinstance(there, dict):
        raise InputError(f"{path} is damaged, so this run cannot go on: choose another folder.")
    return there


def _write(path: Path, settings: dict[str, Any]) -> None:
    with complete_file(path) as unfinished:
        unfinished.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")


def _refuse_foreign(folder: Path) -> None:
    """Make the folder of a new run, unless something else is in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise InputError(f"The folder {folder} cannot be used ({error.strerror}): choose another.") from error
    if not is_empty:
        raise InputError(f"The folder {folder} holds something else than a run: choose a new one.")


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _shown(name: str, value: object) -> str:
    """The value of a setting as its option takes it."""
    if value is None:
        return "left out"
    if isinstance(value, list):
        return ",".join(value) or "none"
    text = str(value)
    return MEMORY_WORDS.get(text, text) if name == "memory" else text
