"""What a person and the network say of the images of a set.

Every change is one transaction: who is killed in the middle of it has changed nothing, and a run that works
on the same folder never takes back what a person decides meanwhile.
"""

import os
import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from medsam2.errors import InputError
from medsam2.image_sets.image_names import folded, free_name
from medsam2.image_sets.image_record import UNDECIDED, ImageRecord, State
from medsam2.image_sets.review_database import CHANGED, ReviewDatabase, packed, unpacked
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt

NOTHING = PlacedMask(0, 0, 0, 0, b"")
"""The mask of an image without the object."""
_DOUBTS = (
    State.PROPOSED,
    State.REJECTED,
    State.WAITING,
    State.UNREADABLE,
    State.PROMPTED,
    State.ACCEPTED,
    State.ABSENT,
)
_RANKS = " ".join(f"WHEN '{state.value}' THEN {rank}" for rank, state in enumerate(_DOUBTS))
_MOST_DOUBTFUL_FIRST = f"ORDER BY CASE state {_RANKS} END, confidence, position"
FIELDS = "position, name, path, state, confidence, pixels, rows, columns, prompt, reason, revision"
_COLUMNS = ", ".join(CHANGED)
_Self = TypeVar("_Self", bound="ReviewFile")


class ReviewFile:
    """The images of a set, with their states, in ``FOLDER/review.sqlite``; made if it is not there yet.

    Several processes may have it open. For one thread.

    Raises:
        InputError: the folder holds other files, the review is damaged, or the disk is full; of methods
            also where a name is unknown, or where what is asked makes no sense in the image's state.
    """

    def __init__(self, folder: str | os.PathLike):
        self._database = ReviewDatabase(Path(folder))

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def together(self) -> AbstractContextManager[None]:
        """All that is said in the block, or, where some of it is refused, nothing."""
        return self._database.transaction()

    def add(self, paths: Iterable[str | os.PathLike]) -> list[str]:
        """The names of images, those new to the set taken in at its end."""
        with self._database.transaction():
            known = {
                bytes(row["path"]): row["name"]
                for row in self._database.rows("SELECT path, name FROM images")
            }
            taken = {folded(name) for name in known.values()}
            names = []
            for path in map(os.path.abspath, paths):
                key = os.fsencode(path)
                if key not in known:
                    known[key] = free_name(Path(path), taken)
                    taken.add(folded(known[key]))
                    self._database.change(
                        "INSERT INTO images (position, path, name, state) VALUES (?, ?, ?, ?)",
                        *(len(known) - 1, key, known[key], State.WAITING.value),
                    )
                names.append(known[key])
        return names

    def records(self) -> list[ImageRecord]:
        """All images, the most doubtful first: proposals by confidence, and at the end what is decided."""
        return [
            record_of(row)
            for row in self._database.rows(f"SELECT {FIELDS} FROM images {_MOST_DOUBTFUL_FIRST}")
        ]

    def record(self, name: str) -> ImageRecord:
        """One image."""
        return record_of(self._row(name))

    def mask(self, name: str) -> PlacedMask | None:
        """The mask of an image within its ``shape``; of a rejected one that which was wrong."""
        return unpacked(PlacedMask, self._row(name)["mask"])

    def counts(self) -> dict[State, int]:
        """How many images are in each state."""
        found = self._database.rows("SELECT state, COUNT(*) AS images FROM images GROUP BY state")
        return dict.fromkeys(State, 0) | {State(row["state"]): row["images"] for row in found}

    def nothing_found(self) -> int:
        """In how many images the network proposes that the object is not there."""
        found = self._database.rows(
            "SELECT COUNT(*) AS images FROM images WHERE state = ? AND pixels = 0", State.PROPOSED.value
        )
        return int(found[0]["images"])

    def set_prompt(self, name: str, prompt: Prompt) -> None:
        """Make an image a template, or correct it.

        A mask is its mask from now on. Points and lines without a box correct the mask that it has, unless
        that was rejected, and join those given before. What the network makes of them, the next run says.
        """
        with self._database.transaction():
            row, record = self._row(name), self.record(name)
            prompt = replace(prompt, slice_index=record.index)
            base = None
            if prompt.mask is None and prompt.box is None:
                earlier = record.prompt if record.state is State.PROMPTED else None
                if earlier is not None and earlier.mask is None:
                    prompt, base = prompt.joined_with(earlier), row["base"]
                elif record.pixels and record.state is not State.REJECTED:
                    base = row["mask"]
            if base is None and not prompt.shows_object:
                raise InputError(f"On {name} all prompts are background: show where the object is, too.")
            pixels = None if prompt.mask is None else int(prompt.mask.voxels.sum())
            self._decide(
                name,
                State.PROMPTED,
                confidence=None,
                pixels=pixels,
                mask=packed(prompt.mask),
                prompt=packed(prompt),
                base=base,
                basis=None,
            )

    def accept(self, name: str, revision: int | None = None) -> None:
        """Say that an answer is right; of an empty one, that the object is absent.

        Args:
            name: of the image.
            revision: of the record that the person saw; InputError if the answer is another by now.
        """
        with self._database.transaction():
            record = self._seen_record(name, revision)
            if record.pixels is None:
                what_to_do = record.reason or "run the set first."
                raise InputError(f"{name} is {record.state.value} and has no mask to accept: {what_to_do}")
            if record.pixels == 0:
                self._decide_absent(name)
            else:
                self._decide(name, State.ACCEPTED)

    def reject(self, name: str, revision: int | None = None) -> None:
        """Say that an answer is wrong, also one that was accepted, or a prompt; as for ``accept``."""
        with self._database.transaction():
            record = self._seen_record(name, revision)
            if record.state not in (State.PROPOSED, State.ACCEPTED, State.PROMPTED, State.REJECTED):
                raise InputError(f"{name} is {record.state.value}: there is no answer to reject.")
            self._decide(name, State.REJECTED, prompt=None, base=None)

    def mark_absent(self, name: str) -> None:
        """Say that the object is not in the image."""
        with self._database.transaction():
            self._decide_absent(name)

    def undo(self) -> str | None:
        """Take back the last decision of a person; the name of its image, None where there is none."""
        with self._database.transaction():
            last = self._database.rows("SELECT * FROM decisions ORDER BY number DESC LIMIT 1")
            if not last:
                return None
            self._change(last[0]["name"], **{column: last[0][column] for column in CHANGED})
            self._database.change("DELETE FROM decisions WHERE number = ?", last[0]["number"])
            return str(last[0]["name"])

    def propose(
        self, name: str, confidence: float, mask: PlacedMask, shape: tuple[int, int], basis: str = ""
    ) -> bool:
        """Put in the network's answer, unless a person has decided in the meantime; whether that is not so.

        Args:
            name: of the image.
            confidence: how sure the network is of it, 0 to 1.
            mask: of the object.
            shape: rows and columns of the image.
            basis: what the answer was made from; an answer of the same basis that was rejected stays so.
        """
        with self._database.transaction():
            row = self._row(name)
            state = State(row["state"])
            if state not in UNDECIDED or (state is State.REJECTED and row["basis"] == basis):
                return False
            self._change(
                name,
                state=State.PROPOSED.value,
                confidence=confidence,
                pixels=int(mask.voxels.sum()),
                mask=packed(mask),
                rows=shape[0],
                columns=shape[1],
                basis=basis,
                reason="",
            )
            return True

    def _seen_record(self, name: str, revision: int | None) -> ImageRecord:
        """A record, unless it is another by now than a person saw."""
        record = self.record(name)
        if revision is not None and record.revision != revision:
            raise InputError(f"The answer for {name} was renewed in the meantime: look at it again.")
        return record

    def _decide_absent(self, name: str) -> None:
        self._decide(
            name,
            State.ABSENT,
            confidence=None,
            pixels=0,
            mask=packed(NOTHING),
            prompt=None,
            base=None,
            reason="",
        )

    def _decide(self, name: str, state: State, **values: object) -> None:
        self._database.change(
            f"INSERT INTO decisions (name, {_COLUMNS}) SELECT name, {_COLUMNS} FROM images WHERE name = ?",
            name,
        )
        self._change(name, state=state.value, **values)

    def _change(self, name: str, **values: object) -> None:
        changes = ", ".join(f"{column} = ?" for column in values)
        self._database.change(
            f"UPDATE images SET {changes}, revision = revision + 1 WHERE name = ?", *values.values(), name
        )

    def _row(self, name: str) -> sqlite3.Row:
        rows = self._database.rows("SELECT * FROM images WHERE name = ?", name)
        if not rows:
            raise InputError(f"There is no image {name} in this set: see results.csv for the names.")
        return rows[0]


def record_of(row: sqlite3.Row) -> ImageRecord:
    """The record in a row of ``FIELDS``."""
    return ImageRecord(
        row["position"],
        row["name"],
        Path(os.fsdecode(bytes(row["path"]))),
        State(row["state"]),
        row["confidence"],
        row["pixels"],
        None if row["rows"] is None else (row["rows"], row["columns"]),
        unpacked(Prompt, row["prompt"]),
        row["reason"],
        row["revision"],
    )
