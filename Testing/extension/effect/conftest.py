"""The effect, active in an editor over real MRML, with the real backend process and the starter weights."""

import time
from functools import partialmethod
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import qt
import slicer
from MedSAM2SlicerLib.backend.BackendSettings import BackendSettings

from fakes.make_nodes import voxelsOf
from medsam2.cli.phantom import Phantom, central_click, make_phantom
from medsam2.client import PolledClient
from medsam2.volume import Geometry, Volume

EFFECT = Path(__file__).resolve().parents[3] / "MedSAM2Slicer" / "MedSAM2SlicerLib" / "SegmentEditorEffect.py"
WAIT_SECONDS = 120
SLICES = slice(12, 28)
"""Of the phantom, through the middle of its organs: tracking takes as long as there are slices."""


@pytest.fixture(scope="session")
def aPhantom():
    """A few slices of a synthetic CT of an abdomen, with the true masks of its organs."""
    whole = make_phantom()
    voxels = np.ascontiguousarray(whole.volume.voxels[SLICES])
    matrix = whole.volume.geometry.ijk_to_ras.copy()
    matrix[:3, 3] += SLICES.start * matrix[:3, 2]
    labels = {name: mask[SLICES] for name, mask in whole.labels.items()}
    return Phantom(Volume(voxels, Geometry(voxels.shape, matrix), whole.volume.modality), labels)


@pytest.fixture(scope="session")
def theManager():
    """The backend of all these tests, as in one run of Slicer; a start takes seconds."""
    from MedSAM2SlicerLib.backend.BackendManager import backendManager

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other stall on a busy machine
        yield backendManager()
        backendManager().quit()


@pytest.fixture
def aBackend(aSession, theManager):
    """The shared backend manager; the backend lives on unless the test has chosen or broken another one."""
    yield theManager
    theManager._timer.stop()  # the next test has another clock
    if theManager.failure or theManager.settings != BackendSettings():
        theManager.settings = BackendSettings()
        theManager.quit()


@pytest.fixture
def aBenchOn(aBackend, aSegmentation, anEditor, anEffect, aClock):
    """Use the effect on a volume: ``aBenchOn(volumeNode, phantom, segments)``; the first one is selected."""
    anEffect(EFFECT)

    def open_(volume, phantom, segments=("liver", "spleen")):
        bench = Bench(anEditor, volume, aSegmentation(volume, segments), aClock, phantom)
        bench.open()
        return bench

    yield open_
    anEditor.setActiveEffect(None)


@pytest.fixture
def aBench(aBenchOn, aVolumeNode, aPhantom):
    """The effect on the phantom, with empty segments "liver" and "spleen"; the liver is selected."""
    return aBenchOn(aVolumeNode(aPhantom.volume.voxels, aPhantom.volume.geometry.ijk_to_ras), aPhantom)


class Bench:
    """What a user does and sees."""

    def __init__(self, editor, volume, segmentation, clock, phantom):
        self.editor, self.volume, self.segmentation = editor, volume, segmentation
        self.clock, self.phantom = clock, phantom
        self.toWorld = np.eye(4)

    def open(self):
        """Edit the segmentation with the effect."""
        self.editor.setSegmentationNode(self.segmentation)
        self.editor.setSourceVolumeNode(self.volume)
        self.editor.setActiveEffectByName("MedSAM2")

    @property
    def effect(self):
        return self.editor.activeEffect().self()

    @property
    def logic(self):
        return None if self.effect.active is None else self.effect.active.logic

    @property
    def message(self) -> str:
        return self.effect.options.message.label.text

    @property
    def isDrawing(self) -> bool:
        """Whether a line or box that is being drawn is seen in a view."""
        pipelines = self.effect.active.views._pipelines.values()
        return any(actor.GetVisibility() for each in pipelines for actor in each._pen.actors)

    def view(self, name: str):
        return slicer.app.layoutManager().sliceWidget(name)

    def segmentId(self, name: str) -> str:
        return self.segmentation.GetSegmentation().GetSegmentIdBySegmentName(name)

    def centre(self, organ: str) -> np.ndarray:
        """The deepest point of the organ's largest axial slice, in world RAS."""
        return self.place(central_click(self.phantom.labels[organ]))

    def place(self, kji: tuple[int, int, int]) -> np.ndarray:
        """A voxel's centre in world RAS."""
        ras = self.phantom.volume.geometry.kji_to_ras(np.array(kji))
        return (self.toWorld @ [*ras, 1.0])[:3]

    def wait(self, condition) -> None:
        """Let the timer run until something has happened."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            self.clock.advance(20)
            time.sleep(0.002)
            assert time.monotonic() < deadline, self.message

    def press(self, text: str) -> None:
        """Press a button of the options."""
        buttons = self.editor.activeEffect().optionsFrame().findChildren(qt.QPushButton)
        (button,) = [each for each in buttons if each.text == text]
        button.click()

    def click(self, organ: str = "liver", view: str = "Red", **modifiers) -> None:
        """Click an organ and wait for its preview."""
        self.clickAt(self.centre(organ), view, **modifiers)

    def lookAt(self, ras: np.ndarray, view: str) -> None:
        """Turn the wheel in a view until it shows a place."""
        self.view(view).moveTo(ras)
        self.view(view).wheel(1)
        self.view(view).wheel(-1)

    def clickAt(self, ras: np.ndarray, view: str = "Red", **modifiers) -> None:
        """Click a place in world RAS and wait for the preview."""
        self.logic.results.previews.clear()
        assert self.view(view).click(ras, **modifiers)
        self.wait(lambda: self.logic.preview() is not None)

    def paint(self, name: str, mask: np.ndarray) -> None:
        """Add voxels (k, j, i) to a segment through the editor, as Slicer's own effects do."""
        labelmap = self.logic.editor.grid().slab("k", 0, mask)
        mode = slicer.qSlicerSegmentEditorAbstractEffect.ModificationModeAdd
        adaptor = self.effect.scriptedEffect
        adaptor.modifySegmentByLabelmap(self.segmentation, self.segmentId(name), labelmap, mode)

    def propagate(self) -> None:
        """Press Propagate and wait for the end."""
        self.press("Propagate")
        self.wait(lambda: not self.logic.running)

    def startPropagation(self) -> None:
        """Press Propagate and wait until something is written.

        Messages are read one by one: while the tests wait for the processor a backend may have sent all.
        """
        with mock.patch.object(PolledClient, "pump", partialmethod(PolledClient.pump, 0.0)):
            self.press("Propagate")
            self.wait(lambda: self.mask().any())

    def mask(self, name: str = "liver") -> np.ndarray:
        """A segment on the volume's grid, (k, j, i) bool."""
        return voxelsOf(self.segmentation, self.segmentId(name), self.volume) > 0
