"""Compare a checkpoint's tensors with those of the network, so that no part is ever left random unseen."""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from medsam2.errors import InputError
from medsam2.model.building import blank_network
from medsam2.model.config import network_config
from medsam2.model.segmentation_config import SegmentationConfig
from medsam2.weights.checkpoint import Checkpoint


@dataclass(frozen=True)
class MatchReport:
    """Names of tensors: in both with one shape, only in the network, only in the file, of another shape;
    and those of the first that hold NaN or infinite numbers."""

    matched: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[str, ...]
    not_finite: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether file and network agree in every tensor."""
        return not (self.missing or self.unexpected or self.wrong_shape)


@functools.cache
def _network_shapes(config: SegmentationConfig) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in blank_network(config).state_dict().items()}


def match_report(tensors: dict[str, Tensor], config: SegmentationConfig) -> MatchReport:
    """Compare tensors (official names) with the state of the network of ``config``."""
    shapes = _network_shapes(config)
    common = [name for name in shapes if name in tensors]
    matched = tuple(name for name in common if tensors[name].shape == shapes[name])
    return MatchReport(
        matched=matched,
        missing=tuple(name for name in shapes if name not in tensors),
        unexpected=tuple(name for name in tensors if name not in shapes),
        wrong_shape=tuple(name for name in common if tensors[name].shape != shapes[name]),
        not_finite=tuple(name for name in matched if not _is_finite(tensors[name])),
    )


def _is_finite(tensor: Tensor) -> bool:
    # By its ends, among which any NaN is: isfinite() of each number takes ten times as long.
    return all(map(math.isfinite, torch.aminmax(tensor)))


def require_match(checkpoint: Checkpoint, label: str) -> SegmentationConfig:
    """The configuration of the network that the checkpoint fills completely.

    Args:
        checkpoint: what was read.
        label: name of the file or weights, for the message.

    Raises:
        InputError: it fills the network only partly, or with NaN or infinite numbers; the message gives the
            counts.
    """
    config = network_config(checkpoint.preset, checkpoint.family)
    report = match_report(checkpoint.tensors, config)
    if not report.complete:
        raise InputError(
            f"'{label}' fits the network {checkpoint.family} {checkpoint.preset} only partly "
            f"({len(report.matched)} tensors match, {len(report.missing)} are missing, "
            f"{len(report.unexpected)} are unexpected, {len(report.wrong_shape)} have another shape); "
            "give a complete checkpoint."
        )
    if report.not_finite:
        raise InputError(
            f"'{label}' holds NaN or infinite numbers in {len(report.not_finite)} of its "
            f"{len(report.matched)} tensors, as after a training that diverged: give an earlier checkpoint, "
            "or copy or download it again."
        )
    return config
