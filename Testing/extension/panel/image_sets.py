"""Image sets for tests: small colour images with a bright disc, which is the object; what a person does."""

from pathlib import Path

import numpy as np
import qt
import SimpleITK
import slicer
from MedSAM2SlicerLib.logic.ImageSetScene import labelmapOf
from PySide6.QtTest import QTest

from medsam2.image_sets.review_file import ReviewFile
from medsam2.placed_mask import PlacedMask

SHAPE = (60, 80)
SECONDS = 120


def disc(number: int) -> np.ndarray:
    """Where it is on an image, (rows, columns) bool."""
    row, column = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return (row - 20 - number % 5) ** 2 + (column - 30 - 3 * (number % 7)) ** 2 < 150


def writeImages(folder: Path, count: int) -> list[Path]:
    """Images ``image_0.png`` and so on."""
    folder.mkdir(parents=True)
    return [writeImage(folder / f"image_{number}.png", number) for number in range(count)]


def writeImage(path: Path, number: int) -> Path:
    """One of them."""
    pixels = np.full((*SHAPE, 3), (120, 60, 40), np.uint8)
    pixels[disc(number)] = (230, 200, 110)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels, isVector=True), str(path))
    return path


def proposeAll(section, but=()):
    """The network's answers: the later an image, the surer."""
    for number, name in enumerate(sorted(section.review.records)):
        if name not in but:
            mask = PlacedMask.cropped(disc(number))
            section.review._file.propose(name, 0.3 + 0.08 * number, mask, SHAPE)
    section.review.sort()
    section.frame.showAgain()


def press(section, key, ctrl=False):
    QTest.keyClick(section.frame.grid.widget, key, qt.Qt.ControlModifier if ctrl else qt.Qt.NoModifier)


def states(section):
    with ReviewFile(section.review.folder) as file:
        return {record.name: record.state.value for record in file.records()}


def iconOf(section, name):
    grid = section.frame.grid
    return grid.widget.item(grid._rows[name]).icon()


def segmentationOf(section, name):
    return section._scene.segmentation(section.review.records[name])


def paint(section, name, mask):
    node = segmentationOf(section, name)
    identifier = node.GetSegmentation().GetNthSegmentID(0)
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        labelmapOf(mask, slicer.util.getNode(name)), node, identifier
    )


class Run:
    """Stands for the command while it looks for discs: the test says when it ends."""

    started: list["Run"]

    def __init__(self, arguments, onAnswer, onFinished):
        self.arguments, self.onAnswer, self.onFinished = arguments, onAnswer, onFinished
        self.running = True
        Run.started.append(self)

    def propose(self, name, mask, confidence):
        with ReviewFile(self.arguments[2]) as file:
            file.propose(name, confidence, PlacedMask.cropped(mask), mask.shape)
        self.onAnswer({"name": name, "done": 1, "of": 8})

    def finish(self, failure=""):
        self.running = False
        self.onFinished(failure)

    def cancel(self):
        self.finish()
