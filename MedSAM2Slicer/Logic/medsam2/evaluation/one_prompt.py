"""One-Prompt sets (MedSAM-2, section 3.3): one picture is prompted, the others are segmented after it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medsam2.datasets import LabelledVolume
from medsam2.errors import InputError
from medsam2.evaluation.answers import Answers
from medsam2.evaluation.user_prompts import tight_box
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.prompt import Prompt
from medsam2.tracking import ImageSetTracker
from medsam2.volume import ImageSet, VolumeSlices


@dataclass(frozen=True, eq=False)
class SetResult:
    """One structure in all pictures of a set.

    Attributes:
        template: index of the prompted picture, which does not count.
        prompt: the box on it.
        truths: true masks (rows, columns) bool of all pictures.
        answers: by index of the picture.
        seconds: in all.
    """

    template: int
    prompt: Prompt
    truths: list[np.ndarray]
    answers: Answers
    seconds: float


def picture_set(pictures: Sequence[LabelledVolume]) -> ImageSet:
    """The pictures in grey, each in its own window; InputError for a volume or a single picture."""
    if len(pictures) < 2:
        raise InputError("A One-Prompt set consists of at least two pictures: the first one is prompted.")
    for picture in pictures:
        count = picture.volume.slice_count("k")
        if count > 1:
            raise InputError(
                f"{picture.name} has {count} slices, but a One-Prompt set consists of pictures: take another "
                "protocol."
            )
    return ImageSet([VolumeSlices(picture.volume).pixels(0) for picture in pictures])


def segment_set(
    network: SegmentationNetwork, images: ImageSet, pictures: Sequence[LabelledVolume], structure: str
) -> SetResult:
    """Box a structure on the first picture that has it, and carry it to all others."""
    truths = [_truth(picture, structure) for picture in pictures]
    template = next(index for index, truth in enumerate(truths) if truth.any())
    box = tight_box(truths[template][None], 0).box
    prompt = Prompt(template, box=box)
    tracker = ImageSetTracker(network, images)
    answers = Answers(images)
    started = time.perf_counter()
    answers.put(tracker.prompt(prompt))
    for index in range(images.count):
        if index != template:
            answers.put(tracker.answer(index).answer)
    return SetResult(template, prompt, truths, answers, time.perf_counter() - started)


def _truth(picture: LabelledVolume, structure: str) -> np.ndarray:
    if structure not in picture.structures:
        return np.zeros(picture.labels.shape[1:], bool)
    return picture.labels[0] == picture.structures[structure]
