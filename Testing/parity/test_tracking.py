"""Tracks through frames, forward and backward and corrected, equal the reference's."""

import numpy as np
import pytest
import torch

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import Tracker
from medsam2.volume import ImageSet
from parity.conftest import TOLERANCE, Pair, make_pair

reference = pytest.importorskip("parity.reference", reason="needs the sam2 package: `make test` installs it")

ABSENT = -1024.0


def ours_of(theirs: "reference.Prompt", frame: int) -> Prompt:
    """The reference's prompt, (x, y), as our tracker takes it, (row, column)."""
    pairs = zip(theirs.points, theirs.labels, strict=True)
    box, mask = theirs.box, theirs.mask
    return Prompt(
        frame,
        points=tuple((y, x, label == 1) for (x, y), label in pairs),
        box=None if box is None else (box[1], box[0], box[3], box[2]),
        mask=None if mask is None else PlacedMask.cropped(mask.numpy() > 0),
    )


class BothTracks:
    """The same object tracked by the reference and by our tracker; each step compares their logits."""

    def __init__(self, pair: Pair, frames: torch.Tensor, start: int, first: "reference.Prompt"):
        self.start, self.frames = start, set(range(len(frames)))
        self.theirs = reference.ReferenceTrack(pair.reference, frames)
        reference.let_object_come_and_go(self.theirs, start, first)
        images = ImageSet(list(frames[:, 0].numpy()))
        self.ours = Tracker(pair.network, images, field_of_view="slice", connected=False, absent_stop=None)

    def prompt(self, frame: int, prompt: "reference.Prompt") -> None:
        ours, theirs = self.ours.prompt("object", ours_of(prompt, frame)), self.theirs.prompt(frame, prompt)
        assert_same_logits({frame: ours.logits}, {frame: theirs})
        # A prompted frame is remembered by its mask: both remember the same one, as else rounding decided
        # for both whether pixels with a logit of nearly 0 are in it, and that shows on every frame after.
        self.ours.objects["object"].entries[frame].logits = theirs[None, None].clone()

    def propagate(self) -> dict[int, torch.Tensor]:
        theirs = self.theirs.propagate(self.start) | self.theirs.propagate(self.start, reverse=True)
        # Upstream tracks up and down from the start, whatever else is prompted on the way.
        ways = (
            self.ours.propagate(direction="forward"),
            self.ours.propagate(direction="backward", last=self.start),
        )
        ours = {mask.slice_index: mask.logits for way in ways for mask in way}
        assert set(ours) == self.frames
        assert_same_logits(ours, theirs)
        return theirs


def assert_same_logits(ours: dict[int, np.ndarray], theirs: dict[int, torch.Tensor]) -> None:
    differences = {frame: float(np.abs(ours[frame] - theirs[frame].numpy()).max()) for frame in theirs}
    assert max(differences.values()) <= TOLERANCE, differences


def track_with_a_correction(pair: Pair, first: "reference.Prompt", frames: int, start: int = 2) -> None:
    size, corrected = pair.size, start + 2
    tracks = BothTracks(pair, pair.random_images(frames, seed=2), start, first)
    tracks.prompt(start, first)
    before = tracks.propagate()
    absent = sum(bool((logits == ABSENT).all()) for logits in before.values())
    assert 1 <= absent <= frames // 2, "the random weights should lose the object on some frames only"
    # Not with a negative click alone: beyond a slice that it empties our tracker finds nothing any more.
    clicks = ((0.6 * size, 0.35 * size), (0.4 * size, 0.5 * size))
    tracks.prompt(corrected, reference.Prompt(clicks, (0, 1)))
    after = tracks.propagate()
    tracked = set(before) - {start, corrected}
    assert max(float((before[frame] - after[frame]).abs().max()) for frame in tracked) > 10 * TOLERANCE


def test_track_from_a_click(pair):
    click = reference.Prompt(((0.4 * pair.size, 0.5 * pair.size),), (1,))
    track_with_a_correction(pair, click, frames=6)


@pytest.mark.parametrize("kind", ["box", "mask"])
def test_track_from_a_box_or_a_mask(kind):
    """Through so many frames that the first ones are forgotten: those of a small network are quick."""
    size = 128
    corners = (0.25 * size, 0.25 * size, 0.625 * size, 0.75 * size)
    mask = torch.zeros(size, size)
    mask[32:96, 32:80] = 1
    prompt = {"box": reference.Prompt(box=corners), "mask": reference.Prompt(mask=mask)}[kind]
    track_with_a_correction(make_pair("tiny", "sam2.1", size), prompt, frames=12)
