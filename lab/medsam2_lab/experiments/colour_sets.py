"""What colour is worth in a set of images: grey along the axis of its template, luminance, or three channels.

The starter weights were trained with grey. One template with a mask; mean Dice on the other images.
"""

from dataclasses import replace

import numpy as np

from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.tracking import ImageSetTracker
from medsam2.tracking.colour_axis import LUMINANCE
from medsam2.volume import ImageSet
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.image_sets import dice
from medsam2_lab.result_tables import Cell, ResultTable, measured
from medsam2_lab.synthetic.colour_pictures import PICTURES, ColourPicture

IMAGES, SIDE, SEED = 8, 256, 5
"""Of a set, the template aside."""


def _scores(network: SegmentationNetwork, pictures: list[ColourPicture], name: str, shown: str) -> float:
    images = [picture.image for picture in pictures]
    if shown == "luminance":
        images = [(image @ LUMINANCE).astype(np.float32) for image in images]
    tracker = ImageSetTracker(network, ImageSet(images))
    tracker.prompt(Prompt(0, mask=PlacedMask.cropped(pictures[0].masks[name])))
    masks = {index: tracker.answer(index).mask.full((SIDE, SIDE)) for index in range(1, len(images))}
    return float(np.mean([dice(mask, pictures[index].masks[name]) for index, mask in masks.items()]))


def colour_sets(sets: int) -> dict[str, ResultTable]:
    """Run the experiment, ``sets`` of each object."""
    network = load_model("starter", device="cpu")
    config = network.config
    found: dict[str, dict[str, list[float]]] = {}
    for name, picture in PICTURES.items():
        for number in range(sets):
            rng = np.random.default_rng([SEED, number])
            pictures = [picture(rng, SIDE) for _ in range(IMAGES + 1)]
            for shown in ("luminance", "three channels", "axis of the templates"):
                network.config = replace(config, sees_colour=shown == "three channels")
                score = _scores(network, pictures, name, shown)
                found.setdefault(shown, {}).setdefault(name, []).append(score)
    rows: list[list[Cell]] = [
        [shown, *(f"{np.mean(of):.3f} ± {np.std(of, ddof=1) / sets**0.5:.3f}" for of in by_name.values())]
        for shown, by_name in found.items()
    ]
    command = f"medsam2-lab colour-sets --sets {sets}"
    return {
        "colour_sets": ResultTable(
            measured(command), {"shown to the network": None} | dict.fromkeys(PICTURES), rows
        )
    }
