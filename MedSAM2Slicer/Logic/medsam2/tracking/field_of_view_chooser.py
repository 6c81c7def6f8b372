"""Tries fields of view of several sizes on a prompted slice and takes the most convincing."""

import torch
from torch import Tensor

from medsam2.model.network import ImageFeatures, MaskPrediction, MedSAM2
from medsam2.volume import Prompt, Slices

from .feature_cache import FeatureCache
from .field_of_view import FieldOfView
from .field_of_view_choice import best_field_of_view, candidate_fields_of_view
from .inference import inference
from .network_prompt import network_points
from .slice_mask import SliceMask


class FieldOfViewChooser:
    """Chooses the field of view of a prompt.

    Args:
        network: answers the prompt in each field of view; need not be the one that tracks.
        slices: where the images come from.
        features: cache of that network's image features.
    """

    def __init__(self, network: MedSAM2, slices: Slices, features: FeatureCache):
        self._network = network
        self._slices = slices
        self.features = features

    def choose(self, prompt: Prompt) -> FieldOfView:
        """The field of view in which the network answers a click or a box most convincingly."""
        shape = self._slices.shape(prompt.slice_index)
        fields_of_view = candidate_fields_of_view(prompt, shape, self._slices.spacing)
        with inference(self._network):
            answers = self._decode(prompt, fields_of_view)
        masks = [
            _mask(prompt.slice_index, field_of_view, shape, *answer)
            for field_of_view, *answer in zip(fields_of_view, *answers[:3], strict=True)
        ]
        return best_field_of_view(masks, prompt, shape, self._network.config.image_size)

    def _decode(self, prompt: Prompt, fields_of_view: list[FieldOfView]) -> MaskPrediction:
        """Answers in all fields of view, as one batch: one by one takes twice as long."""
        network = self._network
        each = [self.features.get(prompt.slice_index, field_of_view) for field_of_view in fields_of_view]
        features = ImageFeatures(*(torch.cat(level) for level in zip(*each, strict=True)))
        points = [
            network_points(prompt, field_of_view, network.config.image_size)
            for field_of_view in fields_of_view
        ]
        pixels, labels = (torch.cat(part).to(network.device) for part in zip(*points, strict=True))
        conditioned = network.condition(features.s16, None)
        return network.decode(features, conditioned, pixels, labels, ambiguous=prompt.is_ambiguous)


def _mask(
    index: int,
    field_of_view: FieldOfView,
    shape: tuple[int, int],
    logits: Tensor,
    iou: Tensor,
    object_score: Tensor,
) -> SliceMask:
    logits = logits[0].float().cpu()
    place = field_of_view.mask_on_slice(logits, shape)
    return SliceMask("", index, *place, float(iou), float(object_score), field_of_view, logits.numpy())
