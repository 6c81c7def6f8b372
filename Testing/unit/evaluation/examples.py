"""A phantom on disk that the oracle network segments without a fault, and evaluations of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medsam2.datasets import Case
from medsam2.evaluation.evaluating import Settings, evaluate
from medsam2.evaluation.report import Report
from unit.datasets.examples import image_file
from unit.tracking.examples import ball
from unit.tracking.oracle_network import OracleNetwork

SHAPE = (10, 64, 64)
BALLS = {"left": ball(SHAPE, (4, 32, 18), 6), "right": ball(SHAPE, (5, 32, 46), 6)}


def two_balls(folder: Path, name: str = "balls") -> Case:
    """A volume of two bright balls, with labels 1 and 2."""
    labels = np.zeros(SHAPE, np.uint8)
    for value, mask in enumerate(BALLS.values(), start=1):
        labels[mask] = value
    image = image_file(folder / f"{name}.nrrd", np.where(labels, 255, 0).astype(np.uint8), (1, 1, 1))
    label = image_file(folder / f"{name}_label.nrrd", labels, (1, 1, 1))
    return Case(name, image, (label,), {"left": 1, "right": 2})


def picture(folder: Path, name: str, mask: np.ndarray, value: int = 1) -> Case:
    """A picture that is white where ``mask`` (rows, columns) holds, labelled ``value``."""
    image = image_file(folder / f"{name}.png", np.where(mask, 255, 0).astype(np.uint8))
    label = image_file(folder / f"{name}_label.png", (value * mask).astype(np.uint8))
    return Case(name, image, (label,), {})


def reported(cases: Sequence[Case], network=None, **settings) -> Report:
    report = Report(Settings(**settings), {"dataset": "examples", "weights": "oracle"})
    for finding in evaluate(network or OracleNetwork(), cases, report.settings):
        report.add(finding)
    return report
