"""Grids that are not the plain one: oblique views, another segmentation geometry, a single slice."""

import numpy as np

from medsam2.cli.phantom import central_click, dice


def test_an_oblique_view_tracks_along_the_nearest_axis(aBench):
    red = aBench.view("Red")
    red.scrollTo(aBench.centre("liver"))
    red.turn(25, "R")
    aBench.click()
    assert aBench.logic.preview().axis == "k"
    aBench.propagate()
    assert dice(aBench.mask(), aBench.phantom.labels["liver"]) > 0.8


def test_a_segmentation_with_a_grid_of_its_own(aBench, aVolumeNode, aSegmentation):
    """Coarser, and shifted by a fraction of a voxel."""
    geometry = aBench.phantom.volume.geometry
    matrix = geometry.ijk_to_ras @ np.diag([1.5, 1.5, 1.0, 1.0])
    matrix[:3, 3] += (0.7, -0.4, 0.0)
    coarse = aVolumeNode(np.zeros((32, 106, 106), np.int16), matrix, "coarse")
    aBench.editor.setActiveEffect(None)
    aBench.segmentation = aSegmentation(coarse, ("liver", "spleen"))
    aBench.open()
    assert aBench.logic.editor.grid().shape == (32, 106, 106)
    aBench.click()
    aBench.propagate()
    assert dice(aBench.mask(), aBench.phantom.labels["liver"]) > 0.75


def test_a_single_slice(aBenchOn, aVolumeNode, aPhantom):
    index = central_click(aPhantom.labels["liver"])[0]
    matrix = np.array(aPhantom.volume.geometry.ijk_to_ras)
    matrix[:3, 3] += matrix[:3, 2] * index
    bench = aBenchOn(aVolumeNode(aPhantom.volume.voxels[index : index + 1], matrix), aPhantom)
    bench.click()
    bench.propagate()
    assert dice(bench.mask(), aPhantom.labels["liver"][index : index + 1]) > 0.8
