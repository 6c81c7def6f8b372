"""Propagate through time: an object goes from time point to time point, into a sequence of segmentations."""

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.logic.SegmentationGrid import SegmentationGrid

from extension.effect.backends import localBackends
from extension.effect.over_time import STEP, VALUES, makeBall, makeBrowser, makeSequence, moved, movingVolumes
from medsam2.cli.phantom import Phantom, dice
from medsam2.volume import Geometry, Volume

BUTTON = "Propagate through time"


class TimeBench:
    """A browser of four time points, in which a ball moves; it is segmented at the second one."""

    def __init__(self, open_, phantom, volumes, values=VALUES):
        self.browser = makeBrowser(makeSequence(volumes, values))
        self.browser.SetSelectedItemNumber(1)
        self.volumes = self.browser.GetMasterSequenceNode()
        self.bench = open_(self.browser.GetProxyNode(self.volumes), phantom, ("ball", "other"))
        self.phantom = phantom
        for name in ("ball", "other"):
            self.bench.paint(name, moved(phantom.labels[name], 1))

    @property
    def throughTime(self):
        return self.bench.logic.throughTime

    @property
    def message(self) -> str:
        return self.bench.message

    @property
    def sequence(self):
        return self.browser.GetSequenceNode(self.bench.segmentation)

    def go(self, direction: str = "both") -> None:
        self.bench.editor.activeEffect().setParameter("TimeDirection", direction)
        self.bench.press(BUTTON)

    def waitFor(self, finished: int) -> None:
        self.bench.wait(lambda: self.throughTime.finished >= finished or not self.throughTime.running)

    def end(self) -> None:
        self.bench.wait(lambda: not self.throughTime.running)

    def kept(self, item: int, name: str = "ball", sequence=None) -> np.ndarray:
        """What the sequence has at an item, whatever is shown."""
        node = (sequence or self.sequence).GetDataNodeAtValue(VALUES[item])
        image = self.bench.logic.editor.grid().image
        return SegmentationGrid(image, node).mask(self.bench.segmentId(name))

    def score(self, item: int) -> float:
        return dice(self.kept(item), moved(self.phantom.labels["ball"], item))


@pytest.fixture
def aTimeBench(aBenchOn, aScene):
    phantom = makeBall()
    return TimeBench(aBenchOn, phantom, movingVolumes(phantom))


def test_every_time_point_gets_the_object_where_it_is(aTimeBench):
    bench, other = aTimeBench.bench, moved(aTimeBench.phantom.labels["other"], 1)
    aTimeBench.go()
    assert bench.effect.options.propagateButton.text == "Cancel"
    aTimeBench.end()
    assert "time points: 3." in aTimeBench.message
    assert min(aTimeBench.score(item) for item in (0, 2, 3)) > 0.85
    assert aTimeBench.score(1) == 1, "the beginning stays as it is"
    assert aTimeBench.browser.GetSelectedItemNumber() == 1
    assert (aTimeBench.kept(1, "other") == other).all()
    assert not aTimeBench.kept(2, "other").any(), "other segments stay as they are"
    for item in (0, 3):
        aTimeBench.browser.SetSelectedItemNumber(item)
        assert (bench.mask("ball") == aTimeBench.kept(item)).all(), "the browser shows them"
        assert bench.logic.confidenceAlong("k").slices
        assert not bench.editor.canUndo()
    bench.clickAt(bench.centre("ball") + 3 * step(bench))
    bench.propagate()
    assert aTimeBench.score(3) > 0.85, "any of them can be corrected"
    assert (bench.mask("ball") == aTimeBench.kept(3)).all()


def step(bench) -> np.ndarray:
    """How far the ball moves from one item to the next, in world RAS."""
    return STEP * bench.phantom.volume.geometry.ijk_to_ras[:3, 0]


def test_cancelling_keeps_what_is_finished_and_leaves_nothing_half_written(aTimeBench):
    aTimeBench.go()
    aTimeBench.waitFor(1)
    aTimeBench.bench.press("Cancel")
    assert not aTimeBench.throughTime.running
    assert aTimeBench.message == "Cancelled; time points that are finished and kept: 1 of 3."
    settle(aTimeBench)
    assert aTimeBench.score(2) > 0.85
    assert not aTimeBench.kept(3).any()
    assert not aTimeBench.kept(0).any()
    aTimeBench.bench.click("other")
    assert "Propagate" in aTimeBench.message, "the effect goes on"


def settle(bench) -> None:
    for _ in range(40):
        bench.bench.clock.advance(20)


def test_browsing_painting_and_clicking_meanwhile(aTimeBench):
    bench = aTimeBench.bench
    aTimeBench.go("forward")
    aTimeBench.browser.SetSelectedItemNumber(2)
    bench.view("Red").click(bench.centre("ball"))
    assert not bench.logic.seeding.seeds(), "clicks wait until it has ended"
    other = moved(aTimeBench.phantom.labels["other"], 2)
    bench.paint("other", other)
    aTimeBench.waitFor(1)
    assert (bench.mask("ball") == aTimeBench.kept(2)).all()
    aTimeBench.browser.SetSelectedItemNumber(0)
    aTimeBench.end()
    assert "time points: 2." in aTimeBench.message
    assert min(aTimeBench.score(item) for item in (2, 3)) > 0.85
    assert (aTimeBench.kept(2, "other") == other).all()
    assert not bench.mask("ball").any(), "nothing is written into the item that is shown by chance"


def test_what_the_user_paints_there_meanwhile_is_not_overwritten(aTimeBench):
    mine = np.zeros(aTimeBench.phantom.volume.voxels.shape, bool)
    mine[3:5, 5:9, 5:9] = True
    aTimeBench.go("forward")
    aTimeBench.browser.SetSelectedItemNumber(3)
    aTimeBench.bench.paint("ball", mine)
    aTimeBench.end()
    assert "was changed at time point 4 (time = 0.75 s) meanwhile" in aTimeBench.message
    assert (aTimeBench.kept(3) == mine).all()
    assert aTimeBench.score(2) > 0.85


def test_voxels_at_other_time_points_are_replaced_only_when_the_user_agrees(aTimeBench, aJournal):
    aTimeBench.go("forward")
    aTimeBench.end()
    before = aTimeBench.kept(3)
    aTimeBench.browser.SetSelectedItemNumber(2)
    aJournal.answers["confirm"] = False
    aTimeBench.go("forward")
    assert not aTimeBench.throughTime.running
    assert "these time points (1), the first of them 4 (time = 0.75 s)" in str(aJournal.popups)
    assert (aTimeBench.kept(3) == before).all()
    aJournal.answers["confirm"] = True
    aTimeBench.go("forward")
    assert aTimeBench.throughTime.running


@pytest.mark.parametrize("what", ["browser", "volumes", "sequence", "segment", "segmentation", "volume"])
def test_deleting_a_node_meanwhile(aTimeBench, what):
    bench = aTimeBench.bench
    aTimeBench.go("forward")
    aTimeBench.waitFor(1)
    sequence, throughTime = aTimeBench.sequence, aTimeBench.throughTime
    if what == "segment":
        for item in (1, 3):
            segmentation = sequence.GetNthDataNode(item).GetSegmentation()
            segmentation.RemoveSegment(bench.segmentId("ball"))
    else:
        owner = bench if what in ("segmentation", "volume") else aTimeBench
        slicer.mrmlScene.RemoveNode(getattr(owner, what))
    bench.wait(lambda: not throughTime.running)
    if what in ("browser", "sequence"):
        assert "The sequence was changed meanwhile." in aTimeBench.message
    node = sequence.GetDataNodeAtValue(VALUES[2]).GetSegmentation()
    assert node.GetSegment("ball") is not None, "what was finished is kept"


def test_closing_the_scene_or_leaving_the_effect_meanwhile(aTimeBench, aJournal):
    aTimeBench.go("forward")
    aTimeBench.waitFor(1)
    bench, sequence = aTimeBench.bench, aTimeBench.sequence
    image = bench.logic.editor.grid().image
    bench.editor.setActiveEffect(None)
    settle(aTimeBench)
    assert "finished time points: 1" in aJournal.statusMessages[-1]
    masks = [SegmentationGrid(image, sequence.GetNthDataNode(item)).mask("ball").any() for item in (2, 3)]
    assert masks == [True, False]
    bench.open()
    aTimeBench.go("forward")
    slicer.mrmlScene.Clear(0)
    settle(aTimeBench)
    assert bench.editor.activeEffect() is None


def test_a_backend_that_dies_is_restarted_and_the_run_goes_on(aTimeBench):
    aTimeBench.go("forward")
    aTimeBench.waitFor(1)
    for process in localBackends():
        process.kill()
    aTimeBench.end()
    assert "time points: 2." in aTimeBench.message
    assert aTimeBench.score(3) > 0.85


def test_a_backend_that_cannot_be_restarted_ends_it_and_says_why(aTimeBench, aBackend):
    aTimeBench.go("forward")
    aTimeBench.waitFor(1)
    command = aBackend._running.backend._command
    aBackend._running.backend._command = (command[0], "-c", "raise SystemExit(3)")
    for process in localBackends():
        process.kill()
    aTimeBench.end()
    assert "exit code 3" in aTimeBench.message
    assert "finished and kept: 1" in aTimeBench.message
    assert not aTimeBench.kept(3).any()


def test_a_scene_comes_back_with_all_time_points_and_their_seeds(aTimeBench, tmp_path):
    bench = aTimeBench.bench
    bench.click("other")
    aTimeBench.go("forward")
    aTimeBench.end()
    before = [aTimeBench.kept(item) for item in range(4)]
    seeds = bench.logic.seeding.seeds()
    assert [seed.time for seed in seeds] == [VALUES[1]]
    saved = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(saved)
    slicer.mrmlScene.Clear(0)
    remote = slicer.vtkMRMLRemoteIOLogic()  # Slicer has one; without it no bundle is read
    remote.SetMRMLScene(slicer.mrmlScene)
    remote.GetCacheManager().SetRemoteCacheDirectory(str(tmp_path / "cache"))
    remote.AddDataIOToScene()
    assert slicer.mrmlScene.ReadFromMRB(saved)
    remote.RemoveDataIOFromScene()
    (aTimeBench.browser,) = slicer.util.getNodesByClass("vtkMRMLSequenceBrowserNode")
    (bench.segmentation,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    bench.volume = aTimeBench.browser.GetProxyNode(aTimeBench.browser.GetMasterSequenceNode())
    bench.open()
    assert [(aTimeBench.kept(item) == before[item]).all() for item in range(4)] == [True] * 4
    assert bench.logic.seeding.seeds() == seeds
    aTimeBench.browser.SetSelectedItemNumber(2)
    assert (bench.mask("ball") == before[2]).all()
    assert not bench.logic.seeding.seeds()


def test_items_may_be_named_by_text(aBenchOn, aScene):
    phantom = makeBall()
    values = ("rest", "arterial | early", "venous: late", "delayed")
    bench = TimeBench(aBenchOn, phantom, movingVolumes(phantom), values)
    bench.go("backward")
    bench.end()
    kept = SegmentationGrid(bench.bench.logic.editor.grid().image, bench.sequence.GetDataNodeAtValue("rest"))
    assert dice(kept.mask("ball"), phantom.labels["ball"]) > 0.85
    assert bench.sequence.GetIndexType() == bench.sequence.TextIndex
    bench.bench.clickAt(bench.bench.centre("ball") + step(bench.bench))
    assert [seed.time for seed in bench.bench.logic.seeding.seeds()] == [values[1]]


def test_what_cannot_be_done_is_refused_before_anything_is_changed(aTimeBench, aVolumeNode, aTransform):
    bench, browser, volumes = aTimeBench.bench, aTimeBench.browser, aTimeBench.volumes
    settings = bench.editor.mrmlSegmentEditorNode()

    def refusal() -> str:
        aTimeBench.go("forward")
        assert not aTimeBench.throughTime.running
        assert aTimeBench.sequence is None
        return aTimeBench.message

    settings.SetSourceVolumeIntensityMask(True)
    assert "Masking does not hold" in refusal()
    settings.SetSourceVolumeIntensityMask(False)
    coarse = aVolumeNode(np.zeros((8, 32, 32), np.int16), np.diag([4.0, 4, 4, 1]))
    whole = movingVolumes(aTimeBench.phantom)[3]
    volumes.SetDataNodeAtValue(coarse, VALUES[3])
    assert "time point 4 (time = 0.75 s) has another size" in refusal()
    volumes.SetDataNodeAtValue(slicer.vtkMRMLTextNode(), VALUES[3])
    assert "no image at time point 4" in refusal()
    volumes.SetDataNodeAtValue(whole, VALUES[3])
    browser.SetSelectedItemNumber(3)
    assert "no other time point in this direction" in refusal()
    browser.SetSelectedItemNumber(1)
    bench.editor.addSegment("empty")
    assert "The segment is empty at this time point" in refusal()
    bench.editor.setCurrentSegmentID(bench.segmentId("ball"))
    transform = aTransform(np.eye(4))
    moving = makeSequence([aTransform(np.eye(4)) for _ in VALUES], name="moving")
    browser.AddProxyNode(transform, moving, False)
    for node in (bench.volume, bench.segmentation):
        node.SetAndObserveTransformNodeID(transform.GetID())
    assert "transform that changes with time" in refusal()


def test_without_a_sequence_there_is_no_such_button(aBench):
    assert not aBench.effect.options._time.widget.visible


def test_a_film_of_single_slices(aBenchOn, aScene):
    whole = makeBall()
    geometry = Geometry((1, *whole.volume.voxels.shape[1:]), whole.volume.geometry.ijk_to_ras)
    volume = Volume(whole.volume.voxels[4:5], geometry, "CT")
    phantom = Phantom(volume, {name: mask[4:5] for name, mask in whole.labels.items()})
    bench = TimeBench(aBenchOn, phantom, movingVolumes(phantom))
    bench.go()
    bench.end()
    assert min(bench.score(item) for item in (0, 2, 3)) > 0.85
