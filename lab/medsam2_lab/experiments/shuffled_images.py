"""Which memories help on a shuffled set of images: SAM 2's rule against the self-sorting bank.

Each set is made from a synthetic body part. Image 0, the template, comes with the mask of one object; the
others show other slices of that object in other poses, in random order, and get no prompt. Some sets also
hold images that mislead: of another body part, or so degraded that the object can hardly be seen. What
counts is the Dice on the good images. Prints one Markdown table for each kind of set.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage
from torch import Tensor

from medsam2.model.segmentation_network import ImageFeatures, SegmentationNetwork
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import SelfSortingMemory, TemporalMemory, Tracker
from medsam2.volume import ImageSet
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.memory_rules import DrawnBank, EqualWeightsBank, OtherRule, SwapBank
from medsam2_lab.synthetic.anatomy import make_anatomy
from medsam2_lab.synthetic.clips import Clip, make_clip

CAPACITY = 7
"""As many memories as SAM 2's rule looks at: the prompted one and six others."""
RULES: dict[str, TemporalMemory | SelfSortingMemory] = {
    "temporal (SAM 2)": TemporalMemory(),
    "self-sorting, expected": SelfSortingMemory(CAPACITY),
    "self-sorting, paper": OtherRule(CAPACITY, rule=DrawnBank),
    "self-sorting, none": OtherRule(CAPACITY, rule=EqualWeightsBank),
    "self-sorting, swap": OtherRule(CAPACITY, rule=SwapBank),
    "self-sorting, everything admitted": SelfSortingMemory(CAPACITY, iou_threshold=0.0),
    "the template alone": SelfSortingMemory(1),
}
KINDS = {
    "clean": "good images only",
    "foreign": "as many images of another body part",
    "degraded": "as many degraded images",
}
FRAMES, LEAST_PIXELS = 14, 200
"""Slices to choose from, and the pixels of the object below which a slice is not used."""


@dataclass(frozen=True)
class Example:
    """One image (size, size) in [0, 1]; the object in it, or None for an image that does not count."""

    image: np.ndarray
    mask: np.ndarray | None


def posed(image: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> Example:
    """The image turned, scaled and moved at random; the object's centre stays well inside."""
    angle, scale = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.09))
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array(ndimage.center_of_mass(mask))
    target = (centre + rng.normal(0, 15, 2)).clip(0.15 * len(image), 0.85 * len(image))
    offset = centre - matrix @ target
    moved = [
        ndimage.affine_transform(plane.astype(np.float32), matrix, offset, order=1, mode="mirror")
        for plane in (image, mask)
    ]
    return Example(moved[0], moved[1] > 0.5)


def degraded(image: np.ndarray, rng: np.random.Generator) -> Example:
    """The image under heavy noise, out of focus, or inverted."""
    spoilt = [
        (image + rng.normal(0, 0.6, image.shape)).clip(0, 1),
        ndimage.gaussian_filter(image, 10),
        1 - image,
    ]
    return Example(spoilt[rng.integers(3)].astype(np.float32), None)


def image_sets(clip: Clip, foreign: Clip, good: int, rng: np.random.Generator) -> dict[str, list[Example]]:
    """The sets of all kinds from one body part, the template first, the others shuffled."""
    mask = clip.masks[0]
    usable = np.flatnonzero(mask.sum(axis=(1, 2)) >= LEAST_PIXELS)
    chosen = [posed(clip.images[t], mask[t], rng) for t in rng.choice(usable, good)]
    nothing = np.ones(mask.shape[1:], bool)
    misleading = {
        "clean": [],
        "foreign": [
            Example(posed(foreign.images[t], nothing, rng).image, None) for t in rng.choice(FRAMES, good)
        ],
        "degraded": [degraded(example.image, rng) for example in chosen],
    }
    template = Example(clip.images[0], mask[0])
    sets = {}
    for kind, others in misleading.items():
        examples = [*chosen, *others]
        sets[kind] = [template, *(examples[index] for index in rng.permutation(len(examples)))]
    return sets


def clips(count: int, size: int, seed: int) -> Iterator[Clip]:
    """Slices of ``count`` body parts, one object each."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        yield make_clip(make_anatomy(rng, 96), rng, size, FRAMES, 1)


class EncodeOnce:
    """Stands in for a network's image encoder, so that all rules share the features of an image."""

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


def mean_dice(
    network: SegmentationNetwork, examples: list[Example], memory: TemporalMemory | SelfSortingMemory
) -> float:
    """Dice on the good images of a set, the template aside, when it is tracked with a memory rule."""
    images = ImageSet([example.image for example in examples])
    tracker = Tracker(
        network, images, field_of_view="slice", memory=memory, connected=False, absent_stop=None
    )
    template = examples[0].mask
    assert template is not None
    tracker.prompt("object", Prompt(0, mask=PlacedMask.cropped(template)))
    scores = []
    for answer in tracker.propagate(direction="forward"):
        truth = examples[answer.slice_index].mask
        if answer.slice_index and truth is not None:
            found = answer.mask.full(truth.shape)
            scores.append(2 * (found & truth).sum() / (found.sum() + truth.sum()))
    return float(np.mean(scores))


def experiment(network: SegmentationNetwork, sets: int, good: int, seed: int) -> dict[str, np.ndarray]:
    """Mean Dice by kind, (sets, rules)."""
    encoder = EncodeOnce(network)
    results: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    parts = list(clips(sets, network.config.image_size, seed))
    for number, clip in enumerate(parts):
        rng = np.random.default_rng([seed, number, 1])
        for kind, examples in image_sets(clip, parts[number - 1], good, rng).items():
            results[kind].append([mean_dice(network, examples, memory) for memory in RULES.values()])
        encoder.forget()
    return {kind: np.array(rows) for kind, rows in results.items()}


def _with_error(values: np.ndarray) -> str:
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {error:.3f}"


def table(kind: str, scores: np.ndarray) -> str:
    """Markdown: per rule the mean Dice, the paired difference to SAM 2's rule, and who wins how often."""
    lines = [
        f"### {kind.capitalize()} sets: {KINDS[kind]}",
        "",
        "| memory | Dice | difference to temporal | better / worse (by 0.01) |",
        "| --- | --- | --- | --- |",
    ]
    for column, rule in enumerate(RULES):
        gain = scores[:, column] - scores[:, 0]
        counts = f"{(gain > 0.01).sum()} / {(gain < -0.01).sum()}"
        compared = f"{_with_error(gain)} | {counts}" if column else "|"
        lines.append(f"| {rule} | {_with_error(scores[:, column])} | {compared} |")
    return "\n".join(lines)


def shuffled_images(weights: str, sets: int, good: int, seed: int) -> None:
    """Run the experiment and print the report.

    Args:
        weights: name or file.
        sets: how many of each kind.
        good: images of each set, the template aside.
        seed: of everything drawn.
    """
    scores = experiment(load_model(weights, device="cpu"), sets, good, seed)
    header = (
        f"## Memory on shuffled images\n\n{sets} sets of each kind with {good} good "
        f"images, weights `{Path(weights).stem}`. Mean over sets ± standard error."
    )
    print("\n\n".join((header, *(table(kind, values) for kind, values in scores.items()))))
