"""What is sent of the source volume: its voxels without a copy, and the options as they are."""

import numpy as np
import pytest
import slicer

from medsam2.volume.window import WINDOW_PRESETS


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_voxels_that_were_handed_over_never_change(aBench, shift):
    """Whether or not the editor has to resample the volume."""
    aBench.toWorld[:3, 3] += shift
    matrix = aBench.phantom.volume.geometry.ijk_to_ras.copy()
    matrix[:3, 3] += shift
    aBench.volume.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(matrix))
    voxels = aBench.logic.editor.grid().voxels()
    before = voxels.copy()
    slicer.util.arrayFromVolume(aBench.volume)[:] = 7
    slicer.util.arrayFromVolumeModified(aBench.volume)
    after = aBench.logic.editor.grid().voxels()
    np.testing.assert_array_equal(voxels, before)
    assert after.max() == 7


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
