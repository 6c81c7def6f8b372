"""What a run asks and says of the images of a set."""

import json
from dataclasses import dataclass

from medsam2.image_sets.image_record import TEMPLATES, UNDECIDED, ImageRecord, State
from medsam2.image_sets.review_database import packed, unpacked
from medsam2.image_sets.review_file import FIELDS, ReviewFile, record_of
from medsam2.placed_mask import PlacedMask
from medsam2.shortcuts import Speed

_UNDECIDED, _TEMPLATES = (
    "state IN ({})".format(", ".join(f"'{state.value}'" for state in states))
    for states in (UNDECIDED, TEMPLATES)
)
_MASK_FILE = "mask file "
"""How the name of such a fact begins."""


@dataclass(frozen=True)
class Template:
    """An image that a person prompted or accepted.

    Attributes:
        record: what is known of it.
        mask: of the object; None where the network has not answered the prompt yet.
        base: the mask that the prompt corrects; None of a prompt that shows the object anew.
    """

    record: ImageRecord
    mask: PlacedMask | None
    base: PlacedMask | None


class RunReview(ReviewFile):
    """The review as a run has it, which holds the folder against other runs, but not against persons.

    A ``basis`` names what answers are made from: weights and templates. Answers of one basis are never made
    twice, which is what makes a run that was killed go on where it was.
    """

    def templates(self) -> list[Template]:
        """In the order of the set."""
        rows = self._database.rows(f"SELECT * FROM images WHERE {_TEMPLATES} ORDER BY position")
        return [
            Template(record_of(row), unpacked(PlacedMask, row["mask"]), unpacked(PlacedMask, row["base"]))
            for row in rows
        ]

    def answer_prompt(self, record: ImageRecord, mask: PlacedMask, confidence: float) -> None:
        """Put in what the network makes of a prompt, unless ``record`` is out of date by now."""
        with self._database.transaction():
            if self.record(record.name).revision == record.revision:
                self._change(
                    record.name, mask=packed(mask), pixels=int(mask.voxels.sum()), confidence=confidence
                )

    def weights(self) -> tuple[str, str, Speed] | None:
        """Name and checksum of the weights that the proposals were made with, and the speed."""
        rows = self._database.rows("SELECT value FROM facts WHERE name = 'weights'")
        if not rows:
            return None
        name, checksum, *speed = json.loads(rows[0]["value"])
        return name, checksum, *(speed or ["exact"])  # sets of before there was a choice do not say

    def use_weights(self, name: str, checksum: str, speed: Speed) -> None:
        """From now on all proposals are made with these."""
        value = json.dumps((name, checksum, speed))
        self._database.change("INSERT OR REPLACE INTO facts VALUES ('weights', ?)", value)

    def refuse(self, name: str, reason: str) -> None:
        """Say why an image is unreadable, unless a person has decided on it."""
        with self._database.transaction():
            if State(self._row(name)["state"]) in UNDECIDED:
                self._change(
                    name,
                    state=State.UNREADABLE.value,
                    reason=reason,
                    **dict.fromkeys(("confidence", "pixels", "mask", "basis")),
                )

    def note_shape(self, name: str, shape: tuple[int, int]) -> None:
        """Put in how large an image is."""
        self._database.change("UPDATE images SET rows = ?, columns = ? WHERE name = ?", *shape, name)

    def to_answer(self, basis: str) -> dict[int, str]:
        """Images without an answer of this basis: names by index."""
        rows = self._database.rows(
            f"SELECT position, name FROM images WHERE {_UNDECIDED} AND basis IS NOT ?", basis
        )
        return {row["position"]: row["name"] for row in rows}

    def unwritten(self) -> list[ImageRecord]:
        """Images whose mask in a file is not that of the record any more."""
        rows = self._database.rows(f"SELECT {FIELDS} FROM images WHERE written != revision ORDER BY position")
        return [record_of(row) for row in rows]

    def mask_file(self, name: str) -> str | None:
        """Checksum of the file with an image's mask as a run wrote it; None where that is not known."""
        rows = self._database.rows("SELECT value FROM facts WHERE name = ?", _MASK_FILE + name)
        return rows[0]["value"] if rows else None

    def forget_mask_file(self, name: str) -> None:
        """Say that the file is being written."""
        self._database.change("DELETE FROM facts WHERE name = ?", _MASK_FILE + name)

    def note_written(self, record: ImageRecord, checksum: str | None) -> None:
        """Say that the mask of this revision is in its file; None where it has none."""
        with self._database.transaction():
            self._database.change(
                "UPDATE images SET written = ? WHERE name = ?", record.revision, record.name
            )
            if checksum is not None:
                self._database.change(
                    "INSERT OR REPLACE INTO facts VALUES (?, ?)", _MASK_FILE + record.name, checksum
                )
