"""From the templates of a set to proposals for all its other images.

A run that was killed goes on where it was, and ends with the masks that it would have ended with: an answer
depends on the weights and the templates alone, and each is kept as soon as it is made.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medsam2.errors import InputError, note
from medsam2.image_sets.exports import write_mask
from medsam2.image_sets.pictures import Picture, read_picture
from medsam2.image_sets.review_database import packed
from medsam2.image_sets.run_review import RunReview, Template
from medsam2.image_sets.set_folder import SetFolder
from medsam2.image_sets.thumbnails import write_thumbnail
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.slice_grid import SliceGrid
from medsam2.tracking import ImageSetTracker, SetAnswer

Tell = Callable[[int, int, str], None]
"""Hears how many images are done, of how many, and the name of the last."""


class UnreadablePicture(InputError):  # noqa: N818 - like InputError, a sentence for people
    """An image of the set that cannot be read now; ``index`` says which."""

    def __init__(self, index: int, reason: str):
        super().__init__(reason)
        self.index = index


class SetPictures:
    """The images of a set for the tracker, of which one at a time is in memory.

    Args:
        paths: of all images, by index.
    """

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths
        self._last: tuple[int, Picture] | None = None
        self.count = len(paths)

    def picture(self, index: int) -> Picture:
        """One image; raises UnreadablePicture."""
        if self._last is None or self._last[0] != index:
            try:
                self._last = index, read_picture(self._paths[index])
            except InputError as error:
                raise UnreadablePicture(index, str(error)) from error
        return self._last[1]

    def grid(self, index: int) -> SliceGrid:
        """The pixels of one image, 1 mm each."""
        return SliceGrid(self.picture(index).shape, (1.0, 1.0))

    def pixels(self, index: int) -> np.ndarray:
        """One image, float32 in [0, 1]: (rows, columns) grey, or (rows, columns, 3) colour."""
        return self.picture(index).pixels


@dataclass
class SetRun:
    """One run over a set.

    Attributes:
        folder, review: the set.
        network: answers.
        weights: what tells its weights from others.
        tell: hears of progress.
        answered: images that have a new answer.
        failed: why images could not be used, by name.
    """

    folder: SetFolder
    review: RunReview
    network: SegmentationNetwork
    weights: str
    tell: Tell
    answered: int = 0
    failed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        records = sorted(self.review.records(), key=lambda record: record.index)
        self._names = [record.name for record in records]
        self._pictures = SetPictures([record.path for record in records])

    def compute(self) -> None:
        """Answer prompts, then propose a mask for every image that is undecided.

        Raises:
            InputError: the set has no template that can be used, or the network carries nothing.
        """
        self._answer_prompts()
        templates = [template for template in self.review.templates() if template.record.pixels]
        tracker = self._tracker(templates)
        basis = self._basis(templates)
        missing = self.review.to_answer(basis)
        for done, (index, name) in enumerate(missing.items(), 1):
            try:
                self._propose(index, name, tracker.answer(index), basis)
            except UnreadablePicture as error:
                self._refuse(error)
            self.tell(done, len(missing), name)

    def _answer_prompts(self) -> None:
        """What the network makes of prompts that it has not answered yet, each after the templates before."""
        templates = self.review.templates()
        open_prompts = [template for template in templates if template.mask is None]
        if not open_prompts:
            return
        tracker = self._tracker([template for template in templates if template.record.pixels], needed=False)
        for template in open_prompts:
            try:
                self._answer_prompt(tracker, template)
            except InputError as error:  # the others are answered all the same
                self.failed[template.record.name] = str(error)

    def _answer_prompt(self, tracker: ImageSetTracker, template: Template) -> None:
        record = template.record
        assert record.prompt is not None  # as an accepted image has a mask
        if template.base is not None:
            tracker.prompt(Prompt(record.index, mask=template.base))
        answer = tracker.prompt(record.prompt)
        if answer.mask.is_empty:
            note(f"On {record.name} nothing was found where the prompt is: give it more points, or a box.")
        self.review.note_shape(record.name, self._pictures.picture(record.index).shape)
        self.review.answer_prompt(record, answer.mask, answer.iou)

    def _tracker(self, templates: Sequence[Template], needed: bool = True) -> ImageSetTracker:
        """A tracker that remembers templates by their masks; those that cannot be read any more are told."""
        tracker = ImageSetTracker(self.network, self._pictures)
        usable = 0
        for template in templates:
            record, mask = template.record, template.mask
            try:
                shape = self._pictures.picture(record.index).shape
                if mask is None or not mask.is_within(shape) or record.shape not in (None, shape):
                    raise UnreadablePicture(
                        record.index, f"{record.path} has not the size of its mask: put the right file there."
                    )
                tracker.prompt(Prompt(record.index, mask=mask))
            except UnreadablePicture as error:
                self.failed[record.name] = str(error)
                continue
            except InputError as error:  # its mask is right all the same
                note(f"{record.name} is no example for the other images. {error}")
                continue
            self.review.note_shape(record.name, shape)
            self._keep_thumbnail(record.index)
            usable += 1
        if needed and not usable and self.failed:
            raise InputError(f"Nothing that shows the object can be used: {next(iter(self.failed.values()))}")
        if needed and not usable:
            raise InputError(
                "No image of the set shows the object yet: prompt one with --template IMAGE and --point, "
                "--box, --stroke, --lasso or --mask."
            )
        return tracker

    def _basis(self, templates: Sequence[Template]) -> str:
        told = hashlib.sha256(f"{ImageSetTracker.RULE} {self.weights}".encode())
        for template in templates:
            if template.record.name not in self.failed:
                told.update(f"{template.record.index}:".encode() + (packed(template.mask) or b""))
        return told.hexdigest()

    def _propose(self, index: int, name: str, answer: SetAnswer, basis: str) -> None:
        picture = self._pictures.picture(index)
        if self.review.propose(name, answer.confidence, answer.mask, picture.shape, basis):
            write_mask(self.folder, self.review, self.review.record(name), picture)
            self.answered += 1
        self._keep_thumbnail(index)

    def _refuse(self, error: UnreadablePicture) -> None:
        name = self._names[error.index]
        self.failed[name] = str(error)
        self.review.refuse(name, str(error))

    def _keep_thumbnail(self, index: int) -> None:
        path = self.folder.thumbnail(self._names[index])
        if not path.exists():
            write_thumbnail(path, self._pictures.picture(index))
