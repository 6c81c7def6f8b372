"""What is sent of the source volume: its voxels without a copy, and the options as they are."""

import numpy as np
import pytest
import slicer
from MedSAM2SlicerLib.logic.SourceVoxels import asArray

from fakes.effect_segments import EffectSegments
from fakes.make_nodes import makeSegmentation
from medsam2.volume.window import WINDOW_PRESETS


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_voxels_that_were_handed_over_never_change(aBench, shift):
    """Whether or not the editor has to resample the volume."""
    aBench.toWorld[:3, 3] += shift
    matrix = aBench.phantom.volume.geometry.ijk_to_ras.copy()
    matrix[:3, 3] += shift
    aBench.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    voxels = offered(aBench)
    before = voxels.copy()
    slicer.util.arrayFromVolume(aBench.volume)[:] = 7
    slicer.util.arrayFromVolumeModified(aBench.volume)
    after = offered(aBench)
    np.testing.assert_array_equal(voxels, before)
    assert after.max() == 7


def offered(bench):
    return bench.logic.editor.offer(bench.logic.editor.grid()).voxels


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_voxels_that_are_handed_over_are_the_editors(aBench, shift):
    """However they are made: copied, where the volume lies on the grid, else resampled by the editor."""
    matrix = aBench.phantom.volume.geometry.ijk_to_ras.copy()
    matrix[:3, 3] += shift
    aBench.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    aligned = aBench.editor.activeEffect().sourceVolumeImageData()
    np.testing.assert_array_equal(offered(aBench), asArray(aligned))


def test_of_colours_the_brightness_is_handed_over(aBench):
    """Not the first, as the editor does: on red tissue all is red."""
    colours = np.zeros((1, 30, 40, 3), np.uint8)
    colours[..., 0] = 200
    colours[:, 10:20, 10:30, 1] = 100
    volume = slicer.util.addVolumeFromArray(
        colours, np.diag([-1.0, -1, 1, 1]), "eye", "vtkMRMLVectorVolumeNode"
    )
    aBench.editor.edit(makeSegmentation(volume, ("a",)), volume)
    aBench.editor.activate("MedSAM2")
    voxels = offered(aBench)
    assert (voxels.dtype, voxels.shape) == (np.uint8, (1, 30, 40))
    assert (voxels[0, 0, 0], voxels[0, 15, 15]) == (60, 118)


def test_a_large_volume_is_copied_a_little_at_a_time_before_the_first_click(aBench, aVolumeNode, monkeypatch):
    """At once it would hold Slicer for long, be it on choosing the effect or on the first click."""
    volume = aVolumeNode(np.arange(60 * 256 * 256, dtype=np.int16).reshape(60, 256, 256))
    whole, parts, state = [], [], type(aBench.logic.editor)
    aBench.clock.advance(100)
    aBench.editor.setActiveEffect(None)
    aBench.editor.edit(makeSegmentation(volume, ("a",)), volume)
    copySome = state.copySome
    monkeypatch.setattr(state, "copySome", lambda self: parts.append(1) or copySome(self))
    monkeypatch.setattr(EffectSegments, "sourceVolumeImageData", lambda _self: whole.append(1))
    aBench.editor.activate("MedSAM2")
    aBench.clock.advance(100)
    assert len(parts) == 2, "32 slices are 4 MiB"
    np.testing.assert_array_equal(offered(aBench), slicer.util.arrayFromVolume(volume))
    assert not whole


@pytest.mark.parametrize("name", ["soft-tissue", "lung", "bone", "brain"])
def test_the_window_is_a_preset(aBench, name):
    window = windowOf(aBench, name)
    assert window == (WINDOW_PRESETS[name].lower, WINDOW_PRESETS[name].upper)


def test_the_window_is_that_of_the_views_or_automatic(aBench):
    aBench.volume.GetDisplayNode().AutoWindowLevelOff()
    aBench.volume.GetDisplayNode().SetWindowLevel(400, 40)
    assert windowOf(aBench, "view") == (-160, 240)
    assert windowOf(aBench, "auto") is None


def windowOf(bench, choice: str):
    bench.editor.activeEffect().setParameter("Window", choice)
    return bench.logic.editor.offer(bench.logic.editor.grid()).window


def test_other_options_do_not_send_the_voxels_again(aBench):
    first = aBench.logic.editor.offer(aBench.logic.editor.grid())
    aBench.editor.activeEffect().setParameter("Memory", "self-sorting")
    second = aBench.logic.editor.offer(aBench.logic.editor.grid())
    assert (first.memory, second.memory) == ("temporal", "self-sorting")
    assert first.key != second.key
    assert first.voxels is second.voxels
