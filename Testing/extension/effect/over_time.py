"""A sequence of volumes in which everything moves, shown by a browser as Slicer does."""

import numpy as np
import slicer

from fakes.make_nodes import makeVolume
from medsam2.cli.phantom import Phantom
from medsam2.volume import Geometry, Volume

STEP = 4
"""Voxels towards higher columns from one item to the next."""
VALUES = ("0", "0.25", "0.5", "0.75")


def moved(array: np.ndarray, item: int) -> np.ndarray:
    """Voxels (k, j, i) at an item."""
    return np.roll(array, STEP * item, axis=2)


def makeSequence(volumes, values=VALUES, name: str = "CT"):
    """A ``vtkMRMLSequenceNode`` of nodes, which leave the scene."""
    sequence = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
    sequence.SetIndexName("time")
    sequence.SetIndexUnit("s")
    if not all(value.replace(".", "").isdigit() for value in values):
        sequence.SetIndexType(sequence.TextIndex)
    for value, node in zip(values, volumes, strict=True):
        sequence.SetDataNodeAtValue(node, value)
        slicer.mrmlScene.RemoveNode(node)
    return sequence


def makeBrowser(sequence):
    """A browser of a sequence, which shows its first item."""
    browser = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", "browser")
    browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
    return browser


def movingVolumes(phantom, count: int = len(VALUES)) -> list:
    """Volume nodes of a phantom that moves."""
    matrix = phantom.volume.geometry.ijk_to_ras
    return [makeVolume(moved(phantom.volume.voxels, item), matrix, "CT") for item in range(count)]


def makeBall() -> Phantom:
    """A bright ball in a darker body, with another one beside it, on few slices: quickly tracked."""
    shape, spacing = (6, 64, 64), (4.0, 2.0, 2.0)
    k, j, i = np.indices(shape) - (np.array(shape) / 2)[:, None, None, None]
    labels = {
        "ball": (2 * k) ** 2 + (j + 8) ** 2 + (i + 14) ** 2 < 11**2,
        "other": (2 * k) ** 2 + (j - 16) ** 2 + (i - 14) ** 2 < 8**2,
    }
    voxels = np.where(j**2 + i**2 < 30**2, 40.0, -1000.0)
    voxels[labels["ball"]], voxels[labels["other"]] = 160, 220
    voxels += np.random.default_rng(0).normal(0, 10, shape)
    matrix = np.diag([-spacing[2], -spacing[1], spacing[0], 1.0])
    return Phantom(Volume(voxels.astype(np.int16), Geometry(shape, matrix), "CT"), labels)
