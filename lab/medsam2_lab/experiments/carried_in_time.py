"""Ways to carry an object from one time point to the next, on the demo's phantom that breathes or beats."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, product

import numpy as np
from scipy import ndimage

from medsam2.cli.phantom import NOISE, SPACING, Phantom, central_click, dice, make_phantom
from medsam2.model.segmentation_network import SegmentationNetwork
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.through_time import carried_slices, film_of, prompts_after
from medsam2.tracking import Tracker
from medsam2.volume import Geometry, Volume, VolumeMasks, VolumeSlices, choose_window
from medsam2.weights.loading import load_model

COUNT = 5
"""Time points: in the middle one all is furthest from where it began, and in the last it is back."""
ORGANS = ("kidney left", "aorta", "spleen", "liver")
LESIONS = (
    ("lesion A", (6, -14, -62), 9, 20),
    ("lesion B", (-6, -6, -70), 7, 200),
    ("lesion C", (14, 6, 88), 8, 30),
)
"""Centre z, y, x and radius in mm, and Hounsfield units."""
Places = Sequence[np.ndarray]
"""Indices k, j and i of every voxel."""


@dataclass(frozen=True, eq=False)
class TimePoint:
    """The slices of a time point, and the true mask (k, j, i) of each structure."""

    slices: VolumeSlices
    labels: dict[str, np.ndarray]


def breathing(places: Places) -> Places:
    """Displacements in mm: 14 downwards, 5 forwards, 2 sideways, less towards the spine."""
    share = 1 / (1 + np.exp((places[1] - 115) / 8))
    return [-14 * share, 5 * share, 2 * share]


def beating(places: Places) -> Places:
    """Displacements in mm: the middle shrinks by 18 % and swings 8 mm sideways."""
    _, j, i = places
    share = np.exp(-(((j - 79.5) / 55) ** 2 + ((i - 79.5) / 60) ** 2))
    k, j, i = (0.18 * mm for mm in _millimetres(places))
    return [k * share, j * share, (i + 8) * share]


def _millimetres(places: Places) -> Places:
    """From the middle of the volume."""
    return [(at - (at.max() / 2)) * step for at, step in zip(places, SPACING, strict=True)]


def add_lesions(phantom: Phantom, places: Places) -> None:
    """Balls in the liver and the spleen of the demo's phantom."""
    for name, centre, radius, value in LESIONS:
        away = [mm - middle for mm, middle in zip(_millimetres(places), centre, strict=True)]
        phantom.labels[name] = np.linalg.norm(away, axis=0) < radius
        phantom.volume.voxels[phantom.labels[name]] = value


def time_points(motion: Callable[[Places], Places], lesions: bool) -> Iterator[TimePoint]:
    """The phantom in motion, with or without lesions, and with noise of its own at each time point."""
    phantom = make_phantom()
    shape = phantom.volume.voxels.shape
    places = np.meshgrid(*(np.arange(count, dtype=np.float32) for count in shape), indexing="ij")
    if lesions:
        add_lesions(phantom, places)
    moves = [move / step for move, step in zip(motion(places), SPACING, strict=True)]

    def moved(voxels: np.ndarray) -> np.ndarray:
        at = [place + phase * move for place, move in zip(places, moves, strict=True)]
        return ndimage.map_coordinates(voxels.astype(np.float32), at, order=1, mode="nearest")

    for number in range(COUNT):
        phase = np.sin(np.pi * number / (COUNT - 1)) ** 2
        noise = np.random.default_rng(100 + number).standard_normal(shape)
        noise = ndimage.gaussian_filter(noise, (0, 0.7, 0.7))
        voxels = np.rint(moved(phantom.volume.voxels) + NOISE * noise / noise.std()).astype(np.int16)
        volume = Volume(voxels, phantom.volume.geometry, "CT")
        labels = {name: moved(mask) > 0.5 for name, mask in phantom.labels.items()}
        yield TimePoint(VolumeSlices(volume, "k", choose_window(volume)), labels)


def segmented(network: SegmentationNetwork, slices: VolumeSlices, prompts: Sequence[Prompt]) -> np.ndarray:
    """The mask (k, j, i) that prompts on some slices give."""
    masks, tracker = VolumeMasks(slices), Tracker(network, slices)
    for prompt in prompts:
        tracker.prompt("object", prompt)
    for answer in tracker.propagate() if prompts else ():
        masks.put(answer)
    return masks["object"]


def copied(
    network: SegmentationNetwork, before: VolumeSlices, after: VolumeSlices, mask: np.ndarray
) -> list[Prompt]:
    """The mask of the largest slice as it was."""
    if not mask.any():
        return []
    largest = int(np.count_nonzero(mask, axis=(1, 2)).argmax())
    return [Prompt(largest, mask=PlacedMask.cropped(mask[largest]))]


def films(
    network: SegmentationNetwork, before: VolumeSlices, after: VolumeSlices, mask: np.ndarray, most: int
) -> list[Prompt]:
    """What ``medsam2.through_time`` says, on so many slices."""
    carried = carried_slices({"object": mask}, most)
    if not carried:
        return []
    voxels = film_of(carried, before.volume.voxels, after.volume.voxels)
    film = Volume(voxels, Geometry(voxels.shape, before.volume.geometry.ijk_to_ras), "CT")
    tracker = Tracker(network, VolumeSlices(film, "k", before.window), absent_stop=None)
    answers = []
    for each in carried:
        tracker.prompt(each.object_id, each.prompt)
        start, first, last = each.options.start, each.options.first, each.options.last
        found = tracker.propagate([each.object_id], start=start, direction="forward", first=first, last=last)
        answers += [(each, answer.mask) for answer in found]
    return prompts_after(answers).get("object", [])


def run() -> None:
    """Print the Dice of each rule, motion and structure at each time point, from one click on the first."""
    network = load_model("starter")
    lesions = [name for name, *_ in LESIONS]
    for motion, names in product((breathing, beating), (ORGANS, lesions)):
        points = list(time_points(motion, lesions=names is lesions))
        for name, (rule, carry) in product(names, RULES.items()):
            index, row, column = central_click(points[0].labels[name])
            click = Prompt(index, points=((float(row), float(column), True),))
            mask = segmented(network, points[0].slices, [click])
            scores = [dice(mask, points[0].labels[name])]
            for before, after in pairwise(points):
                mask = segmented(network, after.slices, carry(network, before.slices, after.slices, mask))
                scores.append(dice(mask, after.labels[name]))
            shown = " ".join(f"{score:.3f}" for score in scores)
            print(f"{motion.__name__}, {rule}, {name}: {shown}", flush=True)


RULES = {"copied": copied} | {f"films on {most}": partial(films, most=most) for most in (1, 3, 5)}
