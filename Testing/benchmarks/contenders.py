"""Tracks with random weights that do the same work by the same rules: ours, and the `sam2` package's.

Ours keeps to what the package does: whole slices, no part of a mask is dropped, and no slice is left out. A
click that only takes away is not among the prompts: beside the mask it is no memory of ours, as it is one of
the package's, and in the middle of the mask it ends our track.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from benchmarks.ct_like import SIZE
from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.model.shortcuts import take_shortcuts
from medsam2.prompt import Prompt
from medsam2.shortcuts import FAST
from medsam2.tracking import FieldOfView, Tracker
from medsam2.volume import Volume, VolumeSlices
from parity import reference

Place = tuple[float, float]
"""Of a click on a slice (row, column), as shares of its size."""
CLICKS: Mapping[str, Place] = {
    "first": (0.5, 0.5),
    "second": (0.4, 0.55),
    "third": (0.55, 0.4),
    "fourth": (0.6, 0.6),
    "fifth": (0.45, 0.35),
}
"""On slice 0, for each object."""
CORRECTION: Place = (0.25, 0.6)
"""Of the click that adds to the object on the middle slice."""
Masks = np.ndarray
"""Of all objects on all slices, in order: (slices, objects, rows, columns), bool."""
SURELY_PRESENT = 10.0
"""Of the object score: else random weights lose objects, and encode less of what they lost."""


def our_network(preset: str) -> MedSAM2:
    """Our network of a preset with random weights."""
    torch.manual_seed(0)
    network = MedSAM2(network_config(preset)).eval()
    return _surely_present(network)


def both_networks(
    preset: str, image_size: int, *, vos_optimized: bool = False
) -> tuple[MedSAM2, torch.nn.Module]:
    """Our network of a preset and the package's, with the same random weights."""
    built = reference.build_reference(preset, "sam2.1", image_size, vos_optimized=vos_optimized)
    model = _surely_present(built)
    network = MedSAM2(network_config(preset, "sam2.1")).eval()
    network.load_state_dict(model.state_dict())
    return network, model


def fast(network: MedSAM2) -> MedSAM2:
    """A copy of a network that takes all shortcuts."""
    quicker = copy.deepcopy(network)
    take_shortcuts(quicker, FAST)
    return quicker


def _surely_present(network):
    with torch.no_grad():
        network.sam_mask_decoder.pred_obj_score_head.layers[-1].bias.fill_(SURELY_PRESENT)
    return network


class ClickedTrack(ABC):
    """Objects tracked forward from a click each on slice 0."""

    _slices: VolumeSlices

    def first(self, objects: int = 1) -> Masks:
        """Click objects on slice 0, and track them."""
        for name in list(CLICKS)[:objects]:
            self.click(0, name, CLICKS[name])
        return self._tracked()

    def corrected(self) -> Masks:
        """Click the first object on the middle slice, and track it anew."""
        self.click(self._slices.count // 2, "first", CORRECTION)
        return self._tracked()

    @abstractmethod
    def logits(self) -> Tensor:
        """The first object's, (slices, L, L), as the network made them."""

    @abstractmethod
    def click(self, index: int, name: str, place: Place) -> None:
        """A click on an object."""

    @abstractmethod
    def masks(self) -> Iterator[Masks]:
        """Track anew from slice 0: the objects' masks slice by slice, (objects, rows, columns)."""

    def _tracked(self) -> Masks:
        return np.stack(list(self.masks()))


class OurTrack(ClickedTrack):
    """By our tracker."""

    def __init__(self, network: MedSAM2, volume: Volume):
        self._slices = VolumeSlices(volume)
        self.tracker = Tracker(
            network, self._slices, field_of_view="slice", absent_stop=None, connected=False
        )

    def encode(self) -> None:
        """Encode all slices; the features stay at hand."""
        field_of_view = FieldOfView.whole(self._slices.grid(0))
        with torch.no_grad():
            self.tracker.features.get_several([(index, field_of_view) for index in range(self._slices.count)])

    def logits(self) -> Tensor:
        """Of the entries that it remembers."""
        entries = self.tracker.objects["first"].entries
        return torch.stack([entries[index].logits[0, 0] for index in range(self._slices.count)])

    def click(self, index: int, name: str, place: Place) -> None:
        """A click on an object."""
        point = (place[0] * SIZE, place[1] * SIZE, True)
        self.tracker.prompt(name, Prompt(index, points=(point,)))

    def masks(self) -> Iterator[Masks]:
        """As they come, object by object."""
        shape, names = self._slices.grid(0).shape, len(self.tracker.objects)
        together: list[np.ndarray] = []
        for mask in self.tracker.propagate(start=0, direction="forward"):
            together.append(mask.mask.full(shape))
            if len(together) == names:
                yield np.stack(together)
                together = []


class _GreyFrames(Sequence):
    """Slices as the package's predictor takes them; each is made when it is looked at."""

    def __init__(self, slices: VolumeSlices, size: int):
        self._slices = slices
        self._size = size

    def __len__(self) -> int:
        return self._slices.count

    def __getitem__(self, index: int) -> Tensor:
        whole = FieldOfView.whole(self._slices.grid(index))
        return whole.network_image(self._slices.pixels(index), self._size)[0]


class TheirTrack(ClickedTrack, reference.ReferenceTrack):
    """By the package's video predictor, as it is used.

    Each slice is encoded when it is reached, and answered at full size.
    """

    def __init__(self, model: torch.nn.Module, volume: Volume):
        self._slices = VolumeSlices(volume)
        super().__init__(model, _GreyFrames(self._slices, model.image_size))
        self._state["video_height"], self._state["video_width"] = self._slices.grid(0).shape

    def logits(self) -> Tensor:
        """Of the outputs in its state."""
        outputs = self._state["output_dict_per_obj"][0]
        by_slice = {**outputs["non_cond_frame_outputs"], **outputs["cond_frame_outputs"]}
        return torch.stack([by_slice[index]["pred_masks"][0, 0] for index in range(self._slices.count)])

    def click(self, index: int, name: str, place: Place) -> None:
        """A click on an object."""
        point = (place[1] * self._size, place[0] * self._size)
        self.prompt(index, reference.Prompt(points=(point,), labels=(1,)), name)

    def masks(self) -> Iterator[Masks]:
        """With memories in the package's bfloat16."""
        return self._masks(torch.bfloat16)

    def _tracked(self) -> Masks:
        return np.stack(list(self._masks(torch.float32)))  # as ours are kept

    def _masks(self, memories: torch.dtype) -> Iterator[Masks]:
        return ((logits[:, 0] > 0).cpu().numpy() for _, logits in self.steps(0, memories=memories))

    def _encode_every_frame_once(self, count: int) -> None:
        """Left to the predictor, which keeps the features of the last slice only."""
