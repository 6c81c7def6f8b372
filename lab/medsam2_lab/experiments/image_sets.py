"""One object in shuffled images: rules that follow the given order, against templates alone.

Each set is made from a synthetic body part (``synthetic/image_sets.py``). A template comes with a mask, the
other images in some order without. What counts is the Dice on the good images, and which of the foreign ones
stay empty. Every run is a line in the log, which a later call goes on with.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from torch import Tensor

from medsam2.model.segmentation_network import ImageFeatures, SegmentationNetwork
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import (
    ImageSetTracker,
    SelfSortingMemory,
    TemporalMemory,
    Tracker,
    image_set_tracker,
    likely_place,
    set_network,
)
from medsam2.tracking.template_poses import POSES, Pose
from medsam2.volume import ImageSet
from medsam2.weights.loading import load_model
from medsam2_lab.result_tables import Cell, ResultTable, measured
from medsam2_lab.synthetic.image_sets import Example, image_set

SEED = 11
Found = dict[int, tuple[np.ndarray, float]]
"""By index of the image: mask and confidence."""
Method = Callable[[SegmentationNetwork, Sequence[Example], Sequence[int]], Found]


def tracked(memory: TemporalMemory | SelfSortingMemory) -> Method:
    """From image to image in the given order."""

    def method(network: SegmentationNetwork, examples: Sequence[Example], shown: Sequence[int]) -> Found:
        tracker = Tracker(
            network,
            ImageSet([example.image for example in examples]),
            field_of_view="slice",
            memory=memory,
            connected=False,
            absent_stop=None,
        )
        for index in shown:
            tracker.prompt("object", Prompt(index, mask=PlacedMask.cropped(examples[index].mask)))
        shape = examples[0].mask.shape
        answers = tracker.propagate(direction="forward")
        return {each.slice_index: (each.mask.full(shape), each.iou) for each in answers}

    return method


def as_set(
    poses: tuple[Pose, ...] = POSES,
    place: bool = True,
    carried_back: int = set_network.CARRIED_BACK,
    least: float = image_set_tracker.LEAST_CONFIDENCE,
) -> Method:
    """By the templates, at the likeliest place too; the rest replaces constants."""
    looked_for = likely_place.likely_shift if place else (lambda *_: None)

    def method(network: SegmentationNetwork, examples: Sequence[Example], shown: Sequence[int]) -> Found:
        with (
            patch.object(set_network, "POSES", poses),
            patch.object(set_network, "likely_shift", looked_for),
            patch.object(set_network, "CARRIED_BACK", carried_back),
            patch.object(image_set_tracker, "LEAST_CONFIDENCE", least),
        ):
            tracker = ImageSetTracker(network, ImageSet([example.image for example in examples]))
            for index in shown:
                tracker.prompt(Prompt(index, mask=PlacedMask.cropped(examples[index].mask)))
            others = [index for index in range(len(examples)) if index not in shown]
            answers = [tracker.answer(index) for index in others]
        shape = examples[0].mask.shape
        return {each.answer.slice_index: (each.mask.full(shape), each.confidence) for each in answers}

    return method


METHODS: dict[str, tuple[Method, int]] = {
    "temporal (SAM 2), given order": (tracked(TemporalMemory()), 1),
    "self-sorting, given order": (tracked(SelfSortingMemory(7)), 1),
    "the template": (as_set(POSES[:1], place=False, carried_back=1, least=0.0), 1),
    "in nine poses": (as_set(place=False, carried_back=1, least=0.0), 1),
    "carried back": (as_set(place=False), 1),
    "at the likeliest place": (as_set(), 1),
    "three templates": (as_set(), 3),
}
"""With the number of templates."""
ORDER_METHODS = ("temporal (SAM 2), given order", "self-sorting, given order", "at the likeliest place")
"""Compared over templates and orders."""


class EncodeOnce:
    """Stands in for a network's image encoder, so that all methods share the features of an image."""

    def __init__(self, network: SegmentationNetwork):
        self._encode = network.encode_image
        self._known: dict[bytes, ImageFeatures] = {}
        network.encode_image = self  # type: ignore[assignment]  # for the experiment only

    def __call__(self, images: Tensor) -> ImageFeatures:
        """Features of images, computed the first time they are asked for."""
        key = images.cpu().numpy().tobytes()
        if key not in self._known:
            self._known[key] = self._encode(images)
        return self._known[key]

    def forget(self) -> None:
        """Free the features."""
        self._known.clear()


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """Of two masks, one of which is not empty."""
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


def scored(examples: Sequence[Example], found: Found, shown: Sequence[int]) -> dict[str, float]:
    """Dice on good images, share of foreign ones left empty, both together, and the AUC of the confidence."""
    good, empty, confidence, right = [], [], [], []
    for index, example in enumerate(examples):
        mask, sure = found.get(index, (np.zeros_like(example.mask), 0.0))
        if index in shown or example.kind == "degraded":
            continue
        if example.kind == "good":
            good.append(dice(mask, example.mask))
        else:
            empty.append(float(not mask.any()))
        if mask.any():
            confidence.append(sure)
            right.append(example.kind == "good" and good[-1] > 0.5)
    return {
        "dice": float(np.mean(good)),
        "empty": float(np.mean(empty)),
        "both": float(np.mean(good + empty)),
        "auc": _auc(np.array(confidence), np.array(right, bool)),
    }


def _auc(confidence: np.ndarray, right: np.ndarray) -> float:
    """How often a right answer is the more confident one of a right and a wrong one; NaN without both."""
    pairs = confidence[right][:, None] - confidence[~right]
    return float(((pairs > 0) + 0.5 * (pairs == 0)).mean()) if pairs.size else float("nan")


def runs(repeats: int) -> Iterator[tuple[int, int]]:
    """Template and order: each template in an order of its own, then the first in all others."""
    yield from ((number, number) for number in range(repeats))
    yield from ((0, order) for order in range(1, repeats))


def methods(repeats: int) -> tuple[str, ...]:
    """Those that are compared."""
    return tuple(METHODS) if repeats == 1 else ORDER_METHODS


def measure(log: Path, weights: str, sets: int, images: int, repeats: int, anywhere: bool) -> list[dict]:
    """The lines of the log, with what was missing."""
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(line["set"], line["template"], line["order"], line["method"]) for line in lines}
    network = load_model(weights, device="cpu")
    encoder = EncodeOnce(network)
    for number in range(sets):
        wanted = [(number, *run, method) for run in runs(repeats) for method in methods(repeats)]
        if done.issuperset(wanted):
            continue
        templates, others = image_set(SEED, number, network.config.image_size, images, anywhere)
        for _, template, order, name in (key for key in wanted if key not in done):
            method, count = METHODS[name]
            places = np.random.default_rng([number, order]).permutation(len(others))
            chosen = [templates[(template + step) % len(templates)] for step in range(count)]
            examples = [*chosen, *(others[place] for place in places)]
            started = time.perf_counter()
            shown = range(count)
            scores = scored(examples, method(network, examples, shown), shown)
            seconds = (time.perf_counter() - started) / len(others)
            line = {"set": number, "template": template, "order": order, "method": name} | scores
            lines.append(line | {"seconds": seconds})
            with log.open("a") as file:
                print(json.dumps(lines[-1]), file=file)
        encoder.forget()
    return lines


def _values(lines: list[dict], method: str, what: str) -> np.ndarray:
    """By set: the mean of its runs in which each template has an order of its own."""
    own = [line for line in lines if line["method"] == method and line["template"] == line["order"]]
    sets = sorted({line["set"] for line in own})
    by_set = [[line[what] for line in own if line["set"] == number] for number in sets]
    return np.array([np.nanmean(values) if not np.isnan(values).all() else np.nan for values in by_set])


def _spread(lines: list[dict], method: str, by: str) -> float:
    """Largest difference of mean Dice between templates, or between orders for one template."""
    some = [
        line
        for line in lines
        if line["method"] == method
        and (line["template"] == 0 if by == "order" else line["template"] == line["order"])
    ]
    means = [
        np.mean([line["dice"] for line in some if line[by] == number])
        for number in sorted({line[by] for line in some})
    ]
    return float(max(means) - min(means))


def rows(lines: list[dict], repeats: int) -> list[list[Cell]]:
    """A row for each method."""
    table: list[list[Cell]] = []
    temporal = _values(lines, next(iter(METHODS)), "dice")
    for method in methods(repeats):
        found = _values(lines, method, "dice")
        gain = found - temporal
        error = gain.std(ddof=1) / len(gain) ** 0.5 if len(gain) > 1 else 0.0
        cells: list[Cell] = [method, float(found.mean())]
        cells.append(f"{gain.mean():+.3f} ± {error:.3f}" if method != next(iter(METHODS)) else None)
        cells += [float(np.nanmean(_values(lines, method, what))) for what in ("empty", "both", "auc")]
        if repeats > 1:
            cells += [_spread(lines, method, by) for by in ("order", "template")]
        table.append(cells)
    return table


def image_sets(
    log: Path, weights: str, sets: int, images: int, repeats: int, anywhere: bool
) -> dict[str, ResultTable]:
    """Run the experiment.

    Args:
        log: file of what was measured.
        weights: name or file.
        sets: how many structures.
        images: of each set, the templates aside.
        repeats: templates and orders of each set, up to 5.
        anywhere: whether objects lie anywhere, not near to where the template has them.
    """
    lines = measure(log, weights, sets, images, repeats, anywhere)
    name = "image_sets" + "_orders" * (repeats > 1) + "_anywhere" * anywhere
    command = f"medsam2-lab image-sets LOG --sets {sets} --images {images} --repeats {repeats}"
    command += " --anywhere" * anywhere
    columns = {"memory": None, "Dice": 3, "difference to temporal": None, "foreign images left empty": 2}
    columns |= {"Dice, empty foreign images as 1": 3, "AUC of confidence": 2}
    if repeats > 1:
        columns |= {"largest difference between orders": 3, "between templates": 3}
    return {name: ResultTable(measured(command), columns, rows(lines, repeats))}
