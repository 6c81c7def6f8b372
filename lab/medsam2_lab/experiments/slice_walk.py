"""What walking without memories is worth beside tracking, and what decided how ``SliceWalker`` walks.

The starter network walks as if it were a network of one slice: no memory, no object score. Synthetic scans
are made anew, the same every time.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from medsam2.datasets import LabelledVolume
from medsam2.evaluation.metrics import dice
from medsam2.evaluation.protocols import OBJECT, segment
from medsam2.model.config import NetworkConfig
from medsam2.model.network import MedSAM2
from medsam2.model.segmentation_network import ImageFeatures, MaskPrediction
from medsam2.tracking import Tracker, slice_walker
from medsam2.weights.loading import load_model
from medsam2_lab.experiments.ablation import synthetic_cases
from medsam2_lab.experiments.drawn_lines import truths
from medsam2_lab.experiments.real_cases import real_cases
from medsam2_lab.experiments.shuffled_images import EncodeOnce
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
        with_logits: the mask before is shown, too, not only its box.
        overlap: IoU with it below which the object is gone.
        widening: of the box, in pixels of the network's image.
    """

    with_logits: bool = True
    overlap: float = 0.5
    widening: float = 3


WALKS = {
    "box and logits, IoU 0.5, 3 pixels": Walk(),
    "box alone": Walk(with_logits=False),
    "IoU 0.3": Walk(overlap=0.3),
    "IoU 0.7": Walk(overlap=0.7),
    "IoU 0.8": Walk(overlap=0.8),
    "0 pixels": Walk(widening=0),
    "6 pixels": Walk(widening=6),
    "box alone, IoU 0.7": Walk(with_logits=False, overlap=0.7),
    "box alone, 0 pixels": Walk(with_logits=False, widening=0),
    "box alone, 6 pixels": Walk(with_logits=False, widening=6),
}
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
            config = replace(walking.config, takes_mask_prompts=walk.with_logits)
            with (
                patch.object(slice_walker, "LEAST_OVERLAP", walk.overlap),
                patch.object(slice_walker, "WIDENING", walk.widening / PIXELS),
                patch.object(walking, "config", config),
            ):
                found.append(_dice(Tracker(walking, slices, cache_bytes=SMALL_CACHE), truth))
        encoder.forget()
        yield found


def _dice(tracker: Tracker, truth: np.ndarray) -> float:
    (stage,) = segment(tracker, truth, PROMPT, 0)
    tracker.forget(OBJECT)
    return dice(stage.mask, truth)


def all_scores(network: MedSAM2, scans: int, cases: Path | None, log: Path) -> dict[str, np.ndarray]:
    """Dice (structures, 1 + walks) of each kind of data; cases in the log are not computed again."""
    sources: dict[str, Iterable[tuple[str, Iterable[LabelledVolume]]]] = {
        "synthetic": ((case.name, [case]) for case in synthetic_cases(scans))
    }
    if cases is not None:
        sources["real"] = ((case.name, [case.read()]) for case in real_cases(cases))
    known = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() else []
    done = {entry["case"]: entry["scores"] for entry in known}
    scores: dict[str, list[list[float]]] = {}
    for kind, of_kind in sources.items():
        for name, case in of_kind:
            if name not in done:
                done[name] = list(structure_scores(network, case))
                with log.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"case": name, "scores": done[name]}) + "\n")
            scores.setdefault(kind, []).extend(done[name])
    return {kind: np.array(rows) for kind, rows in scores.items()}


def slice_walk(scans: int, cases: Path | None, log: Path) -> dict[str, ResultTable]:
    """The table, for the starter weights.

    Args:
        scans: how many synthetic ones.
        cases: folder of the real cases; None for synthetic scans alone.
        log: file of what is computed already, to which more is added.
    """
    network = load_model("starter")
    assert isinstance(network, MedSAM2)
    scores = all_scores(network, scans, cases, log)
    columns: dict[str, int | None] = {"": None}
    rows: list[list[Cell]] = [[title] for title in (TRACKING, *WALKS)]
    for kind, found in scores.items():
        columns |= dict.fromkeys((f"Dice, {kind}", f"more than the first walk, {kind}", f"± {kind}"), 3)
        gains = found - found[:, 1:2]
        errors = gains.std(axis=0, ddof=1) / len(found) ** 0.5
        for row, cells in zip(
            rows, np.stack([found.mean(axis=0), gains.mean(axis=0), errors], axis=1), strict=True
        ):
            row.extend(cells.tolist())
    counts = " and ".join(f"{len(found)} {kind}" for kind, found in scores.items())
    about = measured("medsam2-lab slice-walk --cases CASES") | {
        "data": f"{counts} structures, one {PROMPT} each"
    }
    return {"slice_walk": ResultTable(about, columns, rows)}
