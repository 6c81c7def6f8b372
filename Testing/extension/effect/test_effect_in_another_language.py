"""Whatever the effect says, in any state, is in Slicer's language, which has each text in brackets."""

from types import SimpleNamespace

import numpy as np
import pytest
import qt
import slicer
import vtk
from MedSAM2SlicerLib.backend.BackendManager import BackendState
from MedSAM2SlicerLib.logic.Hints import Hints
from MedSAM2SlicerLib.panel import DependencyInstaller

from fakes.translation import shownBy, untranslated
from medsam2.placed_mask import PlacedMask
from medsam2.protocol import Error

pytestmark = pytest.mark.usefixtures("aLanguage")

AROUND_BOXES = {"⟦Slices from", "to"}
"""A sentence with boxes in it to choose numbers."""
OUTSIDE = np.array([0.0, 0.0, 10_000.0])


@pytest.fixture
def rest(aBench, aJournal):
    """What has been shown until now without being translated."""
    found: set[str] = set()

    def look() -> set[str]:
        if aBench.editor.activeEffect() is not None:
            found.update(untranslated(*shownBy(aBench.editor.activeEffect().optionsFrame())))
        found.update(untranslated(*aJournal.statusMessages, *(each.text for each in aJournal.popups)))
        return found - AROUND_BOXES

    aBench.clock.afterTurning.append(look)
    yield look
    aBench.clock.afterTurning.remove(look)


def test_options_and_help(aBench, rest):
    adaptor = aBench.editor.activeEffect()
    for direction in ("both", "range"):
        adaptor.setParameter("Direction", direction)
        aBench.effect.updateGUIFromMRML()
        assert rest() == set()
    assert untranslated(adaptor.title, adaptor.helpText()) == set()
    assert "⟦<b>P</b>" in adaptor.helpText()


def test_a_whole_propagation(aBench, aBackend, rest):
    aBackend.quit()
    aBench.click()
    button = aBench.effect.options.propagateButton
    button.click()
    assert button.text == "⟦Cancel⟧"
    aBench.wait(lambda: not aBench.logic.running)
    assert "Propagated in" in aBench.message
    for _ in range(3):
        aBench.effect.active.actions.nextDoubtful()
        aBench.effect.active.actions.acceptSlice()
        assert rest() == set()
    button.click()
    aBench.wait(lambda: aBench.mask().any())
    aBench.editor.setActiveEffect(None)
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert "as the effect was left" in aBench.message
    assert rest() == set()


def test_each_thing_that_the_user_must_do_first(aBench, rest):
    actions, said = aBench.effect.active.actions, set()

    def does(action) -> None:
        actions.do(lambda _: action())
        said.add(aBench.message)
        assert rest() == set(), aBench.message

    does(actions.nextDoubtful)
    does(actions.propagateOrCancel)
    does(lambda: actions.resizeFieldOfView(larger=True))
    does(lambda: aBench.view("Red").click(aBench.centre("liver")))
    does(actions.usePaintedSlice)
    seeding = aBench.logic.seeding
    does(lambda: seeding.addPoint(OUTSIDE, (0, 0, 1), positive=True))
    does(lambda: seeding.addPainted(OUTSIDE, (0, 0, 1)))
    does(aBench.logic.volumeChanged)
    aBench.editor.setCurrentSegmentID("")
    does(lambda: seeding.addPoint(aBench.centre("liver"), (0, 0, 1), positive=True))
    aBench.editor.setSourceVolumeNode(None)
    does(actions.propagateOrCancel)
    assert len(said) == 10


def test_a_volume_that_cannot_be_used(aBench, aJournal, rest):
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTransformNode")
    bend = vtk.vtkThinPlateSplineTransform()
    bend.SetBasisToR()
    transform.SetAndObserveTransformToParent(bend)
    aBench.segmentation.SetAndObserveTransformNodeID(transform.GetID())
    aBench.effect.active.actions.propagateOrCancel()
    assert "harden" in aBench.message
    aJournal.take("vtkErrors")
    aBench.segmentation.SetAndObserveTransformNodeID(None)
    aBench.editor.setSourceVolumeNode(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode"))
    aBench.effect.active.actions.propagateOrCancel()
    assert "volume" in aBench.message
    aJournal.take("vtkErrors")
    assert rest() == set()


@pytest.mark.parametrize("outcome", ["finished", "cancelled", "abandoned", "nothing"])
def test_each_end_of_a_propagation(aBench, outcome):
    propagation = aBench.logic._propagation
    propagation._isAbandoned = outcome == "abandoned"
    propagation._slices = set() if outcome == "nothing" else {("k", 3)}
    assert untranslated(propagation._lastWords("cancelled" if outcome == "nothing" else outcome)) == set()


def test_each_thing_that_ends_a_propagation_early(aBench, aBackend, aVolumeNode, rest):
    propagate = aBench.effect.options.propagateButton.click

    def runs() -> None:
        aBench.wait(lambda: not aBench.logic.running)
        propagate()
        aBench.wait(lambda: aBench.mask().any())

    aBench.click()
    runs()
    if not aBench.logic.running:  # over already, on a slow machine; of the next one nothing is waited for
        runs()
    propagate()
    assert aBench.message == "⟦Stopping…⟧"
    runs()
    aBackend.stop()
    assert "was stopped" in aBench.message
    runs()
    coarse = aVolumeNode(np.zeros((32, 80, 80), np.int16), np.diag([4.0, 4, 3, 1]), "coarse")
    aBench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(coarse)
    aBench.wait(lambda: "grid has changed" in aBench.message)
    assert rest() == set()


@pytest.mark.parametrize("state", BackendState)
@pytest.mark.parametrize("sent", [None, 0.5])
@pytest.mark.parametrize("isRunning", [False, True])
@pytest.mark.parametrize("held", [False, True])
def test_each_word_while_the_user_waits(state, sent, isRunning, held):
    manager = SimpleNamespace(state=state, settings=SimpleNamespace(serverUrl="wss://example.org"))
    logic = SimpleNamespace(running=isRunning, throughTime=SimpleNamespace(running=False))
    hints = Hints(manager, logic, SimpleNamespace(awaited=True, sent=sent, held=held))
    assert untranslated(hints.text()) == set()


@pytest.mark.parametrize("isRunning", [False, True])
@pytest.mark.parametrize("found", [None, 0, 5])
@pytest.mark.parametrize("seeds", [[], ["a seed"]])
@pytest.mark.parametrize("selected", [None, "a segment"])
@pytest.mark.parametrize("keepsChanges", [True, False])
def test_each_next_step(isRunning, found, seeds, selected, keepsChanges):
    preview = None if found is None else SimpleNamespace(mask=PlacedMask.packed(np.ones((found, 1), bool)))
    logic = SimpleNamespace(
        running=isRunning,
        editor=SimpleNamespace(selected=selected, keepsChanges=keepsChanges),
        seeding=SimpleNamespace(seeds=lambda: seeds),
        preview=lambda: preview,
    )
    assert untranslated(Hints(None, logic, None).next()) == set()


def test_missing_packages(aBench, rest, monkeypatch):
    aBench.editor.setActiveEffect(None)
    monkeypatch.setattr(DependencyInstaller, "TORCH", DependencyInstaller.Requirement("torch", "99"))
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert "torch" in aBench.message
    assert rest() == set()


def test_the_log_s_window(aBench, rest):
    aBench.effect.options.message.show("⟦A problem.⟧", True, "what the backend wrote")
    aBench.effect.options.message.logButton.click()
    (window,) = slicer.app.mainWindow().findChildren(qt.QDialog)
    assert untranslated(*shownBy(window)) == {"what the backend wrote"}
    assert rest() == set()


def test_the_backend_s_own_words_stay_as_they_are(aBench, rest):
    aBench.logic._requests._client = object()
    aBench.logic._requests.handle(Error(7, "busy", "The server is full.", "Try again."))
    assert rest() == {"The server is full. Try again."}
    aBench.logic._requests._client = None
