"""One object in unrelated images."""

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import ImageSetTracker, SelfSortingMemory
from medsam2.volume import ImageSet
from medsam2.weights.loading import load_model

SIDE = 96


@pytest.fixture(scope="module")
def starter():
    return load_model("starter", device="cpu")


def disc(seed: int, middle: tuple[float, float] = (0.5, 0.5)) -> tuple[np.ndarray, np.ndarray]:
    """A bright disc before a dark, uneven ground, and its mask; the middle as a share of the side."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    centre = (middle + rng.uniform(-0.08, 0.08, 2)) * SIDE
    mask = np.hypot(rows - centre[0], columns - centre[1]) < rng.uniform(14, 18)
    image = np.where(mask, 0.8, 0.3) + rng.normal(0, 0.03, mask.shape)
    return image.clip(0, 1).astype(np.float32), mask


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def tracked(network, order, capacity=4):
    """All answers by the name of the image, for images in some order."""
    images = [disc(number) for number in order]
    tracker = ImageSetTracker(network, ImageSet([image for image, _ in images]), SelfSortingMemory(capacity))
    place = order.index(0)
    tracker.prompt(Prompt(place, mask=PlacedMask.cropped(images[place][1])))
    return {name: tracker.answer(index) for index, name in enumerate(order)}, tracker


@pytest.mark.network
def test_the_object_is_found_in_whatever_order_the_images_come(starter):
    answers, _ = tracked(starter, [0, 1, 2, 3])
    others, _ = tracked(starter, [3, 0, 2, 1])
    for number in range(4):
        mask = answers[number].mask.full((SIDE, SIDE))
        assert dice(mask, disc(number)[1]) > 0.85
        assert dice(mask, others[number].mask.full((SIDE, SIDE))) > 0.99


@pytest.mark.network
def test_an_object_is_found_far_from_where_the_template_has_it(starter):
    images = [disc(0, (0.25, 0.25)), *(disc(3, place) for place in ((0.75, 0.7), (0.3, 0.75), (0.55, 0.5)))]
    tracker = ImageSetTracker(starter, ImageSet([image for image, _ in images]))
    tracker.prompt(Prompt(0, mask=PlacedMask.cropped(images[0][1])))
    for index in range(1, len(images)):
        answer = tracker.answer(index)
        assert dice(answer.mask.full((SIDE, SIDE)), images[index][1]) > 0.9
        assert answer.confidence > 0.6


@pytest.mark.network
def test_a_prompted_image_keeps_its_mask_and_is_remembered_by_it(starter):
    images = [disc(number) for number in range(3)]
    tracker = ImageSetTracker(starter, ImageSet([image for image, _ in images]))
    rows, columns = np.nonzero(images[1][1])
    shown = tracker.prompt(Prompt(1, box=(rows.min(), columns.min(), rows.max(), columns.max())))
    assert tracker.answer(1).mask == shown.mask
    again = ImageSetTracker(starter, ImageSet([image for image, _ in images]))
    again.prompt(Prompt(1, mask=shown.mask))
    for index in range(3):
        assert again.answer(index).mask == tracker.answer(index).mask


@pytest.mark.network
def test_nothing_is_kept_of_images_beyond_the_bank(starter):
    _, tracker = tracked(starter, list(range(5)), capacity=2)
    assert len(tracker._templates.entries) == 1
    for number in range(1, 4):
        tracker.prompt(Prompt(number, mask=PlacedMask.cropped(disc(number)[1])))
        kept = [entry.slice_index for entry in tracker._templates.entries]
        assert number in kept or len(kept) == 2
        assert len(kept) == len(tracker._masks) == 2
        assert set(tracker._posed) <= set(kept)


@pytest.mark.network
def test_an_image_without_the_object_stays_empty_and_is_of_little_confidence(starter):
    stripes = np.tile(np.linspace(0.2, 0.6, SIDE, dtype=np.float32), (SIDE, 1))
    images = [disc(0)[0], disc(1)[0], stripes]
    tracker = ImageSetTracker(starter, ImageSet(images))
    tracker.prompt(Prompt(0, mask=PlacedMask.cropped(disc(0)[1])))
    found, absent = tracker.answer(1), tracker.answer(2)
    assert absent.mask.is_empty
    assert absent.confidence < 0.05 < 0.5 < found.confidence


COLOURS = ((0.75, 0.35, 0.4), (0.35, 0.534, 0.55))
"""Of an object and its surroundings, of one luminance."""


@pytest.mark.network
def test_an_object_that_colour_alone_tells_is_found_by_a_network_that_sees_none(starter):
    images, masks = [], []
    for number in range(3):
        _, mask = disc(number)
        noise = np.random.default_rng(number).normal(0, 0.02, (SIDE, SIDE, 1))
        images.append((np.where(mask[..., None], *COLOURS) + noise).clip(0, 1).astype(np.float32))
        masks.append(mask)
    tracker = ImageSetTracker(starter, ImageSet(images))
    rows, columns = np.nonzero(masks[0])
    shown = tracker.prompt(Prompt(0, points=((rows.mean(), columns.mean(), True),)))
    assert dice(shown.mask.full((SIDE, SIDE)), masks[0]) > 0.85
    for index in (1, 2):
        assert dice(tracker.answer(index).mask.full((SIDE, SIDE)), masks[index]) > 0.85


def test_networks_of_one_image_are_refused():
    network = build_network(network_config("lite_medsam"))
    with pytest.raises(InputError, match="one picture only"):
        ImageSetTracker(network, ImageSet([np.zeros((8, 8))]))


@pytest.mark.network
def test_without_a_template_there_is_no_answer(starter):
    tracker = ImageSetTracker(starter, ImageSet([disc(0)[0]]))
    with pytest.raises(InputError, match="prompt it on one image first"):
        tracker.answer(0)
    with pytest.raises(InputError, match="only where the object is not"):
        tracker.prompt(Prompt(0, points=((2.0, 2.0, False),)))


@pytest.mark.network
def test_one_click_corrects_a_mask_and_leaves_the_rest_of_it(starter):
    images = [disc(number) for number in range(2)]
    _, mask = images[1]
    rows, columns = np.nonzero(mask)
    middle, below = columns.mean(), rows.max() + 14
    leaking = mask.copy()
    leaking[rows.max() - 4 : rows.max() + 20, int(middle) - 5 : int(middle) + 5] = True

    def corrected(given: np.ndarray, *click) -> np.ndarray:
        tracker = ImageSetTracker(starter, ImageSet([image for image, _ in images]))
        tracker.prompt(Prompt(0, mask=PlacedMask.cropped(images[0][1])))
        tracker.prompt(Prompt(1, mask=PlacedMask.cropped(given)))
        return tracker.prompt(Prompt(1, points=(click,))).mask.full(mask.shape)

    assert dice(corrected(mask, 3.0, 3.0, False), mask) > 0.97  # beside it, nothing is to be taken away
    without = corrected(leaking, float(below), middle, False)
    assert not without[below, int(middle)]
    assert dice(without, mask) > 0.9
    assert dice(corrected(mask, rows.min() + 2.0, middle, False), mask) > 0.9
    assert corrected(mask, rows.mean(), middle, True).sum() < 1.3 * mask.sum()
    assert not corrected(mask, rows.mean(), middle, False).any()  # in the middle, it is wrong altogether
