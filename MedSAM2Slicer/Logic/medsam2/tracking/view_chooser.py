"""Tries views of several sizes on a prompted slice and takes the most convincing."""

import torch
from torch import Tensor

from medsam2.model.network import ImageFeatures, MaskPrediction, MedSAM2
from medsam2.volume import Prompt, Slices

from .feature_cache import FeatureCache
from .inference import inference
from .network_prompt import network_points
from .slice_mask import SliceMask
from .view import View
from .view_choice import best_view, candidate_views


class ViewChooser:
    """Chooses the field of view of a prompt.

    Args:
        network: answers the prompt in each view; need not be the one that tracks.
        slices: where the images come from.
        features: cache of that network's image features.
    """

    def __init__(self, network: MedSAM2, slices: Slices, features: FeatureCache):
        self._network = network
        self._slices = slices
        self.features = features

    def choose(self, prompt: Prompt) -> View:
        """The view in which the network answers a click or a box most convincingly."""
        shape = self._slices.shape(prompt.slice_index)
        views = candidate_views(prompt, shape, self._slices.spacing)
        with inference(self._network):
            answers = self._decode(prompt, views)
        masks = [
            _mask(prompt.slice_index, view, shape, *answer)
            for view, *answer in zip(views, *answers[:3], strict=True)
        ]
        return best_view(masks, prompt, shape, self._network.config.image_size)

    def _decode(self, prompt: Prompt, views: list[View]) -> MaskPrediction:
        """Answers in all views, as one batch: one by one takes twice as long."""
        network = self._network
        each = [self.features.get(prompt.slice_index, view) for view in views]
        features = ImageFeatures(*(torch.cat(level) for level in zip(*each, strict=True)))
        points = [network_points(prompt, view, network.config.image_size) for view in views]
        pixels, labels = (torch.cat(part).to(network.device) for part in zip(*points, strict=True))
        conditioned = network.condition(features.s16, None)
        return network.decode(features, conditioned, pixels, labels, ambiguous=prompt.is_ambiguous)


def _mask(
    index: int, view: View, shape: tuple[int, int], logits: Tensor, iou: Tensor, object_score: Tensor
) -> SliceMask:
    logits = logits[0].float().cpu()
    place = view.mask_on_slice(logits, shape)
    return SliceMask("", index, *place, float(iou), float(object_score), view, logits.numpy())
