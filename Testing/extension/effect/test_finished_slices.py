"""Going on from a segmentation that was saved, by whatever program: its finished slices become prompts."""

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.logic import SeedEditing
from MedSAM2SlicerLib.logic.Seeds import BOX, PAINTED, POINT_POSITIVE

from fakes.make_nodes import makeLabelmap
from medsam2.volume import Geometry, Segment, write_segmentation

BUTTON = "Use finished slices"
EVERY = 6
"""Of so many slices a person has painted one."""


def painted(bench) -> np.ndarray:
    """Some slices of the liver's middle, as a person paints them, (k, j, i)."""
    liver = bench.phantom.labels["liver"]
    mask = np.zeros_like(liver)
    there = np.flatnonzero(liver.any(axis=(1, 2)))
    chosen = there[len(there) // 3 : -len(there) // 3 : EVERY]
    mask[chosen] = liver[chosen]
    return mask


def slicesOf(mask: np.ndarray) -> list[int]:
    return np.flatnonzero(mask.any(axis=(1, 2))).tolist()


def prompted(bench) -> list[int]:
    """Slices that have a painted prompt."""
    grid, seeds = bench.logic.editor.grid(), bench.logic.seeding.seeds()
    return sorted(grid.position(each.ras, "k").sliceIndex for each in seeds if each.kind == PAINTED)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def propagateFrom(bench, mask: np.ndarray) -> None:
    """Use what is finished, propagate, and compare: what was painted stays, the rest is filled."""
    bench.view("Red").moveTo(bench.centre("liver"))
    bench.press(BUTTON)
    assert prompted(bench) == slicesOf(mask)
    assert bench.message.startswith(f"{len(slicesOf(mask))} slices became prompts")
    bench.propagate()
    after, liver = bench.mask(), bench.phantom.labels["liver"]
    np.testing.assert_array_equal(after[slicesOf(mask)], mask[slicesOf(mask)])
    assert dice(after, liver) > 0.85
    first, last = slicesOf(mask)[0], slicesOf(mask)[-1]
    assert slicesOf(after)[0] < first
    assert slicesOf(after)[-1] > last


def test_painted_slices_become_prompts_in_one_step(aBench):
    mask = painted(aBench)
    aBench.paint("liver", mask)
    red, centre = aBench.view("Red"), aBench.place((slicesOf(mask)[0], 80, 80))
    red.drag(centre - np.array([50, 50, 0]), centre + np.array([50, 50, 0]))
    aBench.click()
    propagateFrom(aBench, mask)
    kinds = [each.kind for each in aBench.logic.seeding.seeds()]
    assert BOX not in kinds, "the slice says all by itself"
    assert POINT_POSITIVE in kinds
    for _ in range(2):
        red.press("Ctrl+Z")
        aBench.clock.advance(20)
    assert [each.kind for each in aBench.logic.seeding.seeds()] == [BOX, POINT_POSITIVE]


def opened(bench, path) -> None:
    """Load a file, and edit it with the same volume."""
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode")
    node.CreateDefaultDisplayNodes()
    storage = slicer.vtkMRMLSegmentationStorageNode()
    storage.SetFileName(str(path))
    slicer.mrmlScene.AddNode(storage)
    assert storage.ReadData(node)
    bench.segmentation = node
    bench.editor.setActiveEffect(None)
    bench.open()


def test_a_file_of_the_command_is_gone_on_from(aBench, tmp_path):
    mask, path = painted(aBench), tmp_path / "a.seg.nrrd"
    write_segmentation(path, [Segment("liver", (1, 0.5, 0), mask)], aBench.phantom.volume.geometry)
    opened(aBench, path)
    propagateFrom(aBench, mask)


def test_a_file_whose_grid_is_a_shifted_part_is_gone_on_from_within_the_volumes(aBench, tmp_path):
    """Of a program that saves the part with voxels; its user makes the volume's grid the segmentation's."""
    mask, geometry = painted(aBench), aBench.phantom.volume.geometry
    low = [int(np.flatnonzero(mask.any(axis=axes))[0]) for axes in ((1, 2), (0, 2), (0, 1))]
    part = mask[low[0] : slicesOf(mask)[-1] + 1, low[1] :, low[2] :]
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, 3] = geometry.kji_to_ras(np.array(low, float))
    write_segmentation(
        tmp_path / "a.seg.nrrd", [Segment("liver", (1, 0.5, 0), part)], Geometry(part.shape, matrix)
    )
    opened(aBench, tmp_path / "a.seg.nrrd")
    aBench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(aBench.volume)
    propagateFrom(aBench, mask)


def test_another_lattice_is_resampled(aBench, tmp_path):
    """Half the pixels of each slice, as of a program that computes on smaller images."""
    mask, geometry = painted(aBench), aBench.phantom.volume.geometry
    matrix = geometry.ijk_to_ras @ np.diag([2.0, 2, 1, 1])
    coarse = mask[:, ::2, ::2]
    write_segmentation(
        tmp_path / "a.seg.nrrd", [Segment("liver", (1, 0.5, 0), coarse)], Geometry(coarse.shape, matrix)
    )
    opened(aBench, tmp_path / "a.seg.nrrd")
    aBench.segmentation.SetReferenceImageGeometryParameterFromVolumeNode(aBench.volume)
    aBench.view("Red").moveTo(aBench.centre("liver"))
    aBench.press(BUTTON)
    assert prompted(aBench) == slicesOf(mask)
    grid = aBench.logic.editor.grid()
    content = grid.content(aBench.segmentId("liver"))
    index = slicesOf(mask)[0]
    assert dice(content.mask("k", index).full(mask[index].shape), mask[index]) > 0.97


def test_a_dicom_seg_is_gone_on_from(aBench, aSegmentation):
    """As Slicer's import makes it: a labelmap with the SEG's own origin, on the grid of the series."""
    mask = painted(aBench)
    segmentation = aSegmentation(aBench.volume, ())
    first, last = slicesOf(mask)[0], slicesOf(mask)[-1]
    labelmap = makeLabelmap(mask[first : last + 1], aBench.logic.editor.grid().image)
    labelmap.SetOrigin(*aBench.phantom.volume.geometry.kji_to_ras(np.array([first, 0, 0], float)))
    segment = slicer.vtkSegment()
    segment.SetName("liver")
    segment.AddRepresentation("Binary labelmap", labelmap)
    segmentation.GetSegmentation().AddSegment(segment, "liver")
    aBench.segmentation = segmentation
    aBench.editor.setActiveEffect(None)
    aBench.open()
    propagateFrom(aBench, mask)


@pytest.mark.parametrize(("view", "axis"), [("Yellow", "i"), ("Green", "j")])
def test_slices_are_those_of_the_views_axis(aBench, view, axis):
    liver = aBench.phantom.labels["liver"]
    aBench.paint("liver", liver)
    aBench.lookAt(aBench.centre("liver"), view)
    aBench.press(BUTTON)
    grid, content = aBench.logic.editor.grid(), aBench.logic.editor.grid().content("liver")
    dimension = "kji".index(axis)
    there = np.flatnonzero(liver.any(axis=tuple({0, 1, 2} - {dimension})))
    assert content.slices(axis) == there.tolist()
    seeds = aBench.logic.seeding.seeds()
    assert [grid.position(each.ras, axis).sliceIndex for each in seeds] == there.tolist()
    middle = int(there[len(there) // 2])
    whole = liver.take(middle, dimension)
    np.testing.assert_array_equal(content.mask(axis, middle).full(whole.shape), whole)


def test_propagated_slices_are_finished_when_they_were_accepted_or_changed_by_hand(aBench):
    aBench.click()
    aBench.propagate()
    start = aBench.logic._requests  # the backend's knowledge ends with the effect, the user's does not
    accepted, changed = slicesOf(aBench.mask())[4], slicesOf(aBench.mask())[8]
    aBench.view("Red").scrollTo(aBench.place((accepted, 80, 80)))
    aBench.view("Red").moveTo(aBench.place((accepted, 80, 80)))
    aBench.press("Accept slice")
    grid = aBench.logic.editor.grid()
    more = np.zeros(grid.shape, bool)
    more[changed, 2:6, 2:6] = True
    labelmap = grid.slab("k", 0, more)
    aBench.editor.setActiveEffect(None)
    mode = slicer.vtkSlicerSegmentEditorLogic.ModificationModeAdd
    aBench.editor._logic.ModifySegmentByLabelmap(
        aBench.segmentation, "liver", labelmap, mode, (0, -1, 0, -1, 0, -1), True, False
    )
    aBench.editor.setActiveEffectByName("MedSAM2")
    assert aBench.logic._requests is not start
    aBench.view("Red").moveTo(aBench.centre("liver"))
    aBench.press(BUTTON)
    assert prompted(aBench) == sorted([accepted, changed])


def test_nothing_finished_and_too_much_are_said(aBench, monkeypatch):
    aBench.view("Red").moveTo(aBench.centre("liver"))
    aBench.press(BUTTON)
    assert "No slice is finished" in aBench.message
    monkeypatch.setattr(SeedEditing, "MOST", 3)
    aBench.paint("liver", aBench.phantom.labels["liver"])
    aBench.press(BUTTON)
    assert "More than 3 slices" in aBench.message
    assert aBench.logic.seeding.seeds() == []


def test_a_click_need_not_wait_for_all_slices_but_a_propagation_does(aBench):
    aBench.paint("liver", aBench.phantom.labels["liver"])
    aBench.click("spleen")
    aBench.press(BUTTON)
    requests, count = aBench.logic._requests, len(prompted(aBench))
    assert len(requests._untold) == count - 1
    aBench.clickAt(aBench.place((0, 5, 5)))
    assert requests._untold
    aBench.view("Red").press("Ctrl+Z")
    aBench.view("Red").press("Ctrl+Z")
    aBench.clock.advance(20)
    assert not requests._untold
    aBench.view("Red").press("Ctrl+Y")
    aBench.clock.advance(20)
    assert requests._untold
    aBench.press("Propagate")
    assert not requests._untold
    aBench.press("Cancel")
    aBench.wait(lambda: not aBench.logic.running)
