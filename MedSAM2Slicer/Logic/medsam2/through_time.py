"""Carrying objects from one time point to the next: the rule that the command and Slicer share.

An object is carried on its few most telling slices. Each of them makes a film of two frames, the slice at
the earlier time point and the same slice at the later one, and the mask of the first frame is tracked to the
second, as in a video. The masks found there are the prompts of the later time point, through whose slices
the object is then tracked as ever. So every mask of a time point comes from its own image; those that were
only copied would not follow what moves.

All films of a step are the slices of one volume, which a backend opens between the two time points:

1. ``carried_slices`` of the masks at the earlier time point, and ``film_of`` them.
2. Open the film with the window and the spacing of the volume's slices; prompt each ``CarriedSlice`` with
   its ``prompt`` on axis "k", and propagate it with its ``options``: that answers with one mask.
3. Open the later time point, and prompt each object with what ``prompts_after`` makes of the answers.
4. Propagate. An object without an answer is lost, and carried no further in this direction.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.propagation_options import PropagationOptions

MOST_SLICES = 3
"""On which an object is carried; measured in docs/decisions/15_through_time.md."""


@dataclass(frozen=True)
class CarriedSlice:
    """An object on one slice, on its way to the next time point.

    Attributes:
        name: of the object.
        slice_index: where it is, along the axis of the slices.
        mask: what of the slice it covers at the earlier time point.
        frame: number of the film's frame that shows this; the slice at the later time point is the next.
    """

    name: str
    slice_index: int
    mask: PlacedMask
    frame: int

    @property
    def object_id(self) -> str:
        """What the film's tracking calls it, as each slice is tracked for itself."""
        return str(self.frame)

    @property
    def prompt(self) -> Prompt:
        """What is said of it on its frame."""
        return Prompt(self.frame, mask=self.mask)

    @property
    def options(self) -> PropagationOptions:
        """How it is tracked: to the next frame, and no further."""
        after = self.frame + 1
        return PropagationOptions(self.frame, "forward", first=after, last=after, absent_stop=None)


def carried_slices(masks: Mapping[str, np.ndarray], most: int = MOST_SLICES) -> list[CarriedSlice]:
    """The slices on which objects are carried to the next time point.

    Of each object those in the middle of equal shares of its volume, so that none is at its thin ends.

    Args:
        masks: (slice, row, column) bool by object; of an empty one there are none.
        most: slices of each object.
    """
    carried: list[CarriedSlice] = []
    for name, mask in masks.items():
        areas = np.count_nonzero(mask, axis=(1, 2))
        if not areas.any():
            continue
        shares = np.cumsum(areas) / areas.sum()
        middles = (np.arange(most) + 0.5) / most
        for index in dict.fromkeys(np.searchsorted(shares, middles).tolist()):
            carried.append(CarriedSlice(name, index, PlacedMask.cropped(mask[index]), 2 * len(carried)))
    return carried


def film_of(carried: Sequence[CarriedSlice], before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The frames (2 x slices, row, column) on which slices are carried.

    Args:
        carried: at least one.
        before, after: voxels (slice, row, column) of the earlier and of the later time point.
    """
    return np.stack([volume[each.slice_index] for each in carried for volume in (before, after)])


def prompts_after(answers: Iterable[tuple[CarriedSlice, PlacedMask]]) -> dict[str, list[Prompt]]:
    """What to say of each object at the later time point; nothing of those that are lost.

    Args:
        answers: of the film, the mask on the frame after each slice's.
    """
    prompts: dict[str, list[Prompt]] = {}
    for carried, mask in answers:
        if not mask.is_empty:
            prompts.setdefault(carried.name, []).append(Prompt(carried.slice_index, mask=mask))
    return prompts
