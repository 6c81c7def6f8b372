"""The command on a phantom with the starter weights, and on bad data."""

import json

import numpy as np

from e2e.conftest import said, write_image
from medsam2.cli.phantom import make_phantom
from medsam2.volume import Geometry, write_labelmap, write_volume

VALUES = {"liver": 1, "spleen": 2}
SLICES = range(17, 25)
"""Of the phantom's 32, all through the spleen."""


def dataset(folder):
    """Some slices of the phantom in nnU-Net's layout."""
    for name in ("imagesTr", "labelsTr"):
        (folder / name).mkdir(parents=True)
    phantom = make_phantom()
    labels = sum(value * phantom.labels[name].astype(np.uint8) for name, value in VALUES.items())
    geometry = Geometry((len(SLICES), *labels.shape[1:]), phantom.volume.geometry.ijk_to_ras)
    write_volume(folder / "imagesTr" / "p_0000.nii.gz", phantom.volume.voxels[SLICES], geometry)
    write_labelmap(folder / "labelsTr" / "p.nii.gz", labels[SLICES], geometry)
    description = {"channel_names": {"0": "CT"}, "labels": {"background": 0, **VALUES}}
    (folder / "dataset.json").write_text(json.dumps(description))
    return folder


def test_boxes_on_a_phantom(medsam2, tmp_path):
    out = tmp_path / "out"
    options = ("--split", "train", "--protocol", "box", "--structure", "spleen", "--json")
    run = medsam2("evaluate", dataset(tmp_path / "set"), *options, "-o", out)
    assert run.returncode == 0, run.stderr
    summary = json.loads(run.stdout)
    assert summary["count"] == 1
    assert summary["dice"] > 0.8
    assert summary["nsd"] > 0.6
    assert (out / "report.md").is_file()
    assert [path.name for path in (out / "worst").iterdir()] == ["01_p_spleen.png"]


def test_bad_files_are_all_named_before_anything_runs(medsam2, tmp_path):
    write_image(tmp_path / "a.nrrd", np.zeros((4, 16, 16), np.int16))
    write_image(tmp_path / "other.nrrd", np.ones((4, 16, 12), np.uint8))
    (tmp_path / "cases.csv").write_text("image,label\na.nrrd,other.nrrd\nb.nrrd,none.nrrd\n")
    run = medsam2("evaluate", tmp_path / "cases.csv", "-o", tmp_path / "out")
    assert run.returncode == 2
    first, *named = said(run.stderr.strip())
    assert "3 unusable files" in first
    for name, line in zip(("other.nrrd", "b.nrrd", "none.nrrd"), named, strict=True):
        assert name in line
    assert not (tmp_path / "out").exists()
