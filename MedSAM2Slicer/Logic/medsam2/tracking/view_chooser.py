"""Tries views of several sizes on a prompted slice and takes the most convincing."""

from medsam2.model.network import MedSAM2
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
        with inference(self._network):
            masks = [
                self._answer(prompt, view, shape)
                for view in candidate_views(prompt, shape, self._slices.spacing)
            ]
        return best_view(masks, prompt, shape, self._network.config.image_size)

    def _answer(self, prompt: Prompt, view: View, shape: tuple[int, int]) -> SliceMask:
        network, index = self._network, prompt.slice_index
        features = self.features.get(index, view)
        pixels, labels = network_points(prompt, view, network.config.image_size)
        answer = network.decode(
            features,
            network.condition(features.s16, None),
            pixels.to(network.device),
            labels.to(network.device),
            ambiguous=prompt.is_ambiguous,
        )
        logits = answer.logits[0, 0].float().cpu()
        place = view.mask_on_slice(logits, shape)
        return SliceMask(
            "", index, *place, float(answer.iou[0]), float(answer.object_score[0]), view, logits.numpy()
        )
