"""Image features of slices, each encoded once and kept within a byte budget."""

from collections import OrderedDict

import torch

from medsam2.model.segmentation_network import ImageFeatures, SegmentationNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig
from medsam2.volume import Slices

from .field_of_view import FieldOfView


class FeatureCache:
    """Features by slice and field of view, the least recently used dropped first.

    They are shared by both directions, by all objects and by every correction.

    Args:
        network: encodes what is missing.
        slices: where the images come from.
        budget: bytes that the kept features may take.
    """

    def __init__(self, network: SegmentationNetwork, slices: Slices, budget: int):
        self.network = network
        self._slices = slices
        self._budget = budget
        self._kept: OrderedDict[tuple[int, FieldOfView], ImageFeatures] = OrderedDict()
        self.used_bytes = 0

    def __contains__(self, key: tuple[int, FieldOfView]) -> bool:
        return key in self._kept

    def get(self, slice_index: int, field_of_view: FieldOfView) -> ImageFeatures:
        """Features of one slice in one field of view, batch size 1."""
        key = (slice_index, field_of_view)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        features = self._encode(slice_index, field_of_view)
        self._kept[key] = features
        self.used_bytes += _bytes(features)
        while self.used_bytes > self._budget and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self.used_bytes -= _bytes(dropped)
        return features

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self.used_bytes = 0

    def _encode(self, slice_index: int, field_of_view: FieldOfView) -> ImageFeatures:
        config, pixels, device = self.network.config, self._slices.pixels(slice_index), self.network.device
        if not isinstance(config, SliceWiseConfig):
            image = field_of_view.network_image(pixels, config.image_size)
            return self.network.encode_image(image.to(device))
        image, shown = field_of_view.prepared_image(pixels, config.image_size, config.resampling)
        return self.network.encode_image(image.to(device), shown.to(device))


def _bytes(features: ImageFeatures) -> int:
    return sum(level.numel() * level.element_size() for level in features if level is not None)


def sorting_key(features: ImageFeatures) -> torch.Tensor:
    """A short description (16 dim,) of an image by which memories are compared.

    The raw stride-16 features, averaged over a grid of 4 x 4 cells; the same for stored and for current
    images.
    """
    pooled = torch.nn.functional.adaptive_avg_pool2d(features.s16.float(), 4)
    return torch.nn.functional.normalize(pooled.flatten(), dim=0)
