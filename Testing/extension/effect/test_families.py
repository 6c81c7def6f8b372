"""With weights of another family, chosen in the panel, the effect is as with any other."""

from dataclasses import replace

import numpy as np
import pytest
from MedSAM2SlicerLib.panel.ModulePanel import ModulePanel

from e2e.official_files import write_official_file
from medsam2.cli.phantom import Phantom, central_click
from medsam2.volume import Volume

SECONDS = 300
"""Patience with a child process on a busy computer."""
SLICES = 3


@pytest.fixture(params=["efficienttam_ti_512", "lite_medsam"])
def chosenWeights(request, aBackend, aClock, aJournal, tmp_path, monkeypatch):
    """The panel, after the official file was imported and chosen there; and the name of the weights."""
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "home"))
    aBackend.quit()
    panel = ModulePanel(aBackend, "https://example.org")
    section = panel.weights
    aJournal.answers["file"] = str(write_official_file(tmp_path, request.param))
    section._import.click()
    aClock.advanceUntil(lambda: not section.busy, SECONDS)
    (stored,) = (tmp_path / "home" / "weights").glob("*.safetensors")
    section.table.select(stored.stem)
    section._use.click()
    yield panel, stored.stem
    panel.cleanup()
    panel.widget.deleteLater()
    aBackend.quit()


@pytest.fixture
def aThinBench(aBenchOn, aVolumeNode, aPhantom):
    """The effect on the slices round the liver's click."""
    first = central_click(aPhantom.labels["liver"])[0] - 1
    voxels = np.ascontiguousarray(aPhantom.volume.voxels[first : first + SLICES])
    labels = {name: mask[first : first + SLICES] for name, mask in aPhantom.labels.items()}
    geometry = replace(aPhantom.volume.geometry, shape=voxels.shape)
    phantom = Phantom(Volume(voxels, geometry), labels)
    return lambda: aBenchOn(aVolumeNode(voxels, geometry.ijk_to_ras), phantom, ("liver",))


def test_weights_are_chosen_and_a_click_propagated_and_corrected(chosenWeights, aThinBench, aBackend):
    panel, name = chosenWeights
    bench = aThinBench()
    bench.click()
    outline = bench.logic.preview()
    assert outline.mask.voxels.any()
    assert aBackend.ready.weights == panel.state._labels["weights"].text == name
    bench.propagate()
    clicked = outline.slice_index
    written = bench.mask()
    assert written[clicked].any()
    strip = bench.logic.results.confidence(bench.segmentId("liver"), "k")
    assert set(strip.slices) == set(range(SLICES))
    present = {index for index, found in strip.slices.items() if found.present}
    assert present == set(np.flatnonzero(written.any(axis=(1, 2))).tolist())
    wrong = tuple(np.argwhere(written[clicked])[0])
    bench.clickAt(bench.place((clicked, *map(int, wrong))), ctrl=True)
    bench.propagate()
    assert (bench.mask() != written).any()
    bench.editor.undo()
    assert (bench.mask() == written).all()
