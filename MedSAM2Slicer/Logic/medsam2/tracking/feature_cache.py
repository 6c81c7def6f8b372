"""Image features of slices, each encoded once and kept in memory, then on disk, within byte budgets."""

import time
from collections import OrderedDict

import torch

from medsam2.model.segmentation_network import ImageFeatures, SegmentationNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig
from medsam2.volume import Slices

from .field_of_view import FieldOfView
from .spilled_features import MOST_BYTES, Key, SpilledFeatures, feature_bytes


class FeatureCache:
    """Features by slice and field of view; the least recently used leave the memory first.

    They are shared by both directions, by all objects and by every correction.

    Args:
        network: encodes what is missing.
        slices: where the images come from.
        budget: bytes that the features may take in memory.
        on_disk: whether those beyond go to a temporary file, rather than be encoded again.
    """

    def __init__(self, network: SegmentationNetwork, slices: Slices, budget: int, on_disk: bool = False):
        self.network = network
        self._slices = slices
        self._budget = budget
        self._kept: OrderedDict[Key, ImageFeatures] = OrderedDict()
        self._spilled = SpilledFeatures(MOST_BYTES if on_disk else 0)
        self.used_bytes = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._kept or key in self._spilled

    def get(self, slice_index: int, field_of_view: FieldOfView) -> ImageFeatures:
        """Features of one slice in one field of view, batch size 1."""
        key = (slice_index, field_of_view)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        features = self._spilled.get(key, self.network.device)
        if features is None:
            features = self._timed_encode(slice_index, field_of_view)
        self._kept[key] = features
        self.used_bytes += feature_bytes(features)
        while self.used_bytes > self._budget and len(self._kept) > 1:
            least_used, dropped = self._kept.popitem(last=False)
            self.used_bytes -= feature_bytes(dropped)
            self._spilled.put(least_used, dropped)
        return features

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self._spilled.clear()
        self.used_bytes = 0

    def _timed_encode(self, slice_index: int, field_of_view: FieldOfView) -> ImageFeatures:
        started = time.perf_counter()
        features = self._encode(slice_index, field_of_view)
        if self._spilled.is_used:
            features.s16[0, 0, 0, 0].item()  # a GPU goes on after the call
            self._spilled.encoding_took(time.perf_counter() - started)
        return features

    def _encode(self, slice_index: int, field_of_view: FieldOfView) -> ImageFeatures:
        config, pixels, device = self.network.config, self._slices.pixels(slice_index), self.network.device
        if not isinstance(config, SliceWiseConfig):
            image = field_of_view.network_image(pixels, config.image_size)
            return self.network.encode_image(image.to(device))
        image, shown = field_of_view.prepared_image(pixels, config.image_size, config.resampling)
        return self.network.encode_image(image.to(device), shown.to(device))


def sorting_key(features: ImageFeatures) -> torch.Tensor:
    """A short description (16 dim,) of an image by which memories are compared.

    The raw stride-16 features, averaged over a grid of 4 x 4 cells; the same for stored and for current
    images.
    """
    pooled = torch.nn.functional.adaptive_avg_pool2d(features.s16.float(), 4)
    return torch.nn.functional.normalize(pooled.flatten(), dim=0)
