"""Image features of slices, each encoded once and kept in memory, then on disk, within byte budgets."""

import time
from collections import OrderedDict
from collections.abc import Sequence

import torch

from medsam2.model.segmentation_network import ImageFeatures, SegmentationNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig
from medsam2.volume import Slices

from .field_of_view import FieldOfView
from .spilled_features import MOST_BYTES, Key, SpilledFeatures, feature_bytes

AT_ONCE, PIXELS_AT_ONCE = 4, 2**19
"""So many images, or as many as have so many pixels, are encoded together: more of large ones gain little.

Four of 512 pixels take 0.15 GB more than two, and save 1.5 % of a slice.
"""


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
        self._most_at_once = min(AT_ONCE, max(1, PIXELS_AT_ONCE // network.config.image_size**2))
        self.used_bytes = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._kept or key in self._spilled

    def get(self, slice_index: int, field_of_view: FieldOfView) -> ImageFeatures:
        """Features of one slice in one field of view, batch size 1."""
        return self.get_several([(slice_index, field_of_view)])[0]

    def get_several(self, keys: Sequence[Key]) -> list[ImageFeatures]:
        """Features of slices, all grey or all in colour, batch size 1 each, also beyond the budget.

        What is missing is encoded together: saves a tenth of the starter's slice, 1 to 4 % at 512 pixels.
        """
        found = {key: features for key in keys if (features := self._known(key)) is not None}
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        while missing:
            some = missing[: self.at_once]
            del missing[: len(some)]
            for key, encoded in zip(some, self._timed_encode(some), strict=True):
                found[key] = encoded
                self._keep(key, encoded)
        return [found[key] for key in keys]

    @property
    def at_once(self) -> int:
        """How many images are encoded at a time: those that half of the budget holds, as far as is known."""
        if not self._kept:
            return self._most_at_once
        each = feature_bytes(next(iter(self._kept.values())))
        return max(1, min(self._most_at_once, self._budget // (2 * each)))

    def _known(self, key: Key) -> ImageFeatures | None:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        features = self._spilled.get(key, self.network.device)
        if features is not None:
            self._keep(key, features)
        return features

    def _keep(self, key: Key, features: ImageFeatures) -> None:
        self._kept[key] = features
        self.used_bytes += feature_bytes(features)
        while self.used_bytes > self._budget and len(self._kept) > 1:
            least_used, dropped = self._kept.popitem(last=False)
            self.used_bytes -= feature_bytes(dropped)
            self._spilled.put(least_used, dropped)

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self._spilled.clear()
        self.used_bytes = 0

    def _timed_encode(self, keys: list[Key]) -> list[ImageFeatures]:
        started = time.perf_counter()
        features = self._encode(keys)
        if self._spilled.is_used:
            features.s16[0, 0, 0, 0].item()  # a GPU goes on after the call
            self._spilled.encoding_took((time.perf_counter() - started) / len(keys))
        if len(keys) == 1:
            return [features]
        return [_of_one(features, row) for row in range(len(keys))]

    def _encode(self, keys: list[Key]) -> ImageFeatures:
        config, device = self.network.config, self.network.device
        size, slices = config.image_size, self._slices
        if not isinstance(config, SliceWiseConfig):
            images = [seen.network_image(slices.pixels(index), size) for index, seen in keys]
            return self.network.encode_image(torch.cat(images).to(device))
        prepared = [
            seen.prepared_image(slices.pixels(index), size, config.resampling) for index, seen in keys
        ]
        prepared_images, shown = zip(*prepared, strict=True)
        return self.network.encode_image(torch.cat(prepared_images).to(device), torch.cat(shown).to(device))


def _of_one(features: ImageFeatures, row: int) -> ImageFeatures:
    """Those of one image of a batch: a copy, as a part would keep all of the batch in memory."""
    return features.map(lambda level: level[row : row + 1].clone())


def sorting_key(features: ImageFeatures) -> torch.Tensor:
    """A short description (16 dim,) of an image by which memories are compared.

    The raw stride-16 features, averaged over a grid of 4 x 4 cells; the same for stored and for current
    images.
    """
    pooled = torch.nn.functional.adaptive_avg_pool2d(features.s16.float(), 4)
    return torch.nn.functional.normalize(pooled.flatten(), dim=0)
