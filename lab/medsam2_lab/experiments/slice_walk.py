"""What walking without memories is worth beside tracking, and what decided how ``SliceWalker`` walks.

The starter network walks as if it were a network of one slice: no memory, no object score. Synthetic scans
are made anew, the same every time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import segment
from medsam2.model.config import NetworkConfig
from medsam2.model.network import MedSAM2
from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.tracking import FieldOfView, Tracker, slice_walker, tracker
from medsam2.tracking.drawn_lines import Box
from medsam2.tracking.memory_bank import MemoryEntry
from medsam2.tracking.prompting import LOGIT_LIMIT
from medsam2.tracking.slice_walker import SliceWalker
from medsam2.tracking.stepping import Tracked
from medsam2.tracking.tracked_object import TrackedObject
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.drawn_lines import truths
from medsam2_lab.experiments.image_sets import EncodeOnce
from medsam2_lab.experiments.scans import logged_scores
from medsam2_lab.result_tables import Cell, ResultTable, measured

PIXELS = 256
"""Side of the starter network's image."""
PROMPT = "box"
"""What networks of one slice know best."""
SMALL_CACHE = 2**20
"""Features are kept beside the trackers, for all ways of walking."""


@dataclass(frozen=True)
class Walk:
    """One way of walking.

    Attributes:
        margin: of the box, in pixels of the network's image.
        overlap: IoU with the mask before, below which the object is gone.
        with_logits: the mask before is shown, too, not only its box.
    """

    margin: float = 0
    overlap: float = 0.5
    with_logits: bool = False


WALKS = {
    "box, IoU 0.6": Walk(overlap=0.6),
    "box, IoU 0.5": Walk(),
    "box, IoU 0.7": Walk(overlap=0.7),
    "box 1 pixel wider, IoU 0.5": Walk(1),
    "box 3 pixels wider, IoU 0.5": Walk(3),
    "box 3 pixels wider, IoU 0.7": Walk(3, 0.7),
    "box 6 pixels wider, IoU 0.5": Walk(6),
    "box and logits, IoU 0.5": Walk(with_logits=True),
    "box 3 pixels wider and logits, IoU 0.3": Walk(3, 0.3, with_logits=True),
    "box 3 pixels wider and logits, IoU 0.5": Walk(3, with_logits=True),
    "box 3 pixels wider and logits, IoU 0.7": Walk(3, 0.7, with_logits=True),
    "box 3 pixels wider and logits, IoU 0.8": Walk(3, 0.8, with_logits=True),
    "box 6 pixels wider and logits, IoU 0.5": Walk(6, with_logits=True),
}
"""The first is how ``SliceWalker`` walks; the others are compared with it."""
TRACKING = "tracking (memory)"


@dataclass(frozen=True)
class OneSliceConfig(NetworkConfig):
    """SAM 2's network, taken for one that knows one slice only."""

    @property
    def remembers(self) -> bool:
        """It does not."""
        return False


class OneSliceNetwork(MedSAM2):
    """SAM 2's network without an object score: something is always there."""

    def decode(
        self,
        features: ImageFeatures,
        conditioned: Tensor,
        points: Tensor | None = None,
        labels: Tensor | None = None,
        mask_logits: Tensor | None = None,
        ambiguous: bool | Tensor = True,
    ) -> MaskPrediction:
        """Decode one prompt per image, as SAM does."""
        prompt = (points, labels, mask_logits, ambiguous)
        prediction, candidates = self.decode_with_candidates(features, conditioned, *prompt)
        best = 1 + candidates.iou[:, 1:].argmax(dim=1)
        chosen = torch.where(torch.as_tensor(ambiguous), best, 0)
        rows = torch.arange(len(chosen))
        return prediction._replace(
            logits=candidates.logits[rows, chosen][:, None].float(),
            iou=candidates.iou[rows, chosen],
            object_score=torch.full_like(candidates.object_score, 10.0),
        )


class LogitsWalker(SliceWalker):
    """Also shows the network the logits of the mask before."""

    _leads: list[MemoryEntry]

    def _step(
        self, objects: dict[str, TrackedObject], field_of_view: FieldOfView, index: int, reverse: bool
    ) -> Iterator[Tracked]:
        self._leads = [target.last_found(index, reverse) for target in objects.values()]
        yield from super()._step(objects, field_of_view, index, reverse)

    def _predict(
        self, features: ImageFeatures, index: int, field_of_view: FieldOfView, boxes: list[Box]
    ) -> list[MaskPrediction]:
        before = [field_of_view.logits_from(lead.logits, lead.field_of_view) for lead in self._leads]
        logits = torch.cat(before).clamp(-LOGIT_LIMIT, LOGIT_LIMIT)
        with patch.object(self._network, "decode", partial(self._network.decode, mask_logits=logits)):
            return super()._predict(features, index, field_of_view, boxes)


def one_slice_network(network: MedSAM2) -> OneSliceNetwork:
    """A network of one slice with the same weights."""
    walking = OneSliceNetwork(OneSliceConfig(**vars(network.config)))
    walking.load_state_dict(network.state_dict())
    return walking.eval()


def structure_scores(network: MedSAM2, cases: Iterable[LabelledVolume]) -> Iterator[list[float]]:
    """Volumetric Dice of tracking and of each way of walking, for each structure."""
    encoder, walking = EncodeOnce(network), one_slice_network(network)
    walking.encode_image = encoder  # type: ignore[assignment]  # for the experiment only
    for slices, truth in truths(cases):
        found = [_dice(Tracker(network, slices, cache_bytes=SMALL_CACHE), truth)]
        for walk in WALKS.values():
            with (
                patch.object(slice_walker, "LEAST_OVERLAP", walk.overlap),
                patch.object(walking, "config", replace(walking.config, box_margin=walk.margin / PIXELS)),
                patch.object(tracker, "SliceWalker", LogitsWalker if walk.with_logits else SliceWalker),
            ):
                found.append(_dice(Tracker(walking, slices, cache_bytes=SMALL_CACHE), truth))
        encoder.forget()
        yield found


def _dice(untouched: Tracker, truth: np.ndarray) -> float:
    (stage,) = segment(untouched, truth, PROMPT, 0)
    return dice(stage.mask, truth)


def all_scores(network: MedSAM2, scans: int, cases: Path | None, log: Path) -> dict[str, np.ndarray]:
    """Dice (structures, 1 + walks) of each kind of data; cases in the log are not computed again."""
    return logged_scores(lambda case: structure_scores(network, [case]), scans, cases, log)


def table(scores: dict[str, np.ndarray]) -> ResultTable:
    """Mean Dice of each kind of data, and how it differs from that of the first walk."""
    columns: dict[str, int | None] = {"": None}
    rows: list[list[Cell]] = [[title] for title in (TRACKING, *WALKS)]
    for kind, found in scores.items():
        columns |= dict.fromkeys((f"Dice, {kind}", f"more than {next(iter(WALKS))}, {kind}", f"± {kind}"), 3)
        gains = found - found[:, 1:2]
        errors = gains.std(axis=0, ddof=1) / len(found) ** 0.5
        cells = np.stack([found.mean(axis=0), gains.mean(axis=0), errors], axis=1)
        for row, numbers in zip(rows, cells.tolist(), strict=True):
            row.extend(numbers)
    counts = " and ".join(f"{len(found)} {kind}" for kind, found in scores.items())
    about = measured("medsam2-lab slice-walk --cases CASES")
    return ResultTable(about | {"data": f"{counts} structures, one {PROMPT} each"}, columns, rows)


def slice_walk(scans: int, cases: Path | None, log: Path) -> dict[str, ResultTable]:
    """The table, for the starter weights.

    Args:
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
        log: file of what is computed already, to which more is added.
    """
    network = load_model("starter")
    assert isinstance(network, MedSAM2)
    return {"slice_walk": table(all_scores(network, scans, cases, log))}
