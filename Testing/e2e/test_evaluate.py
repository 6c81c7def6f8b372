"""The command on a phantom with the starter weights, and on bad data."""

import json

import numpy as np
import torch

from e2e.conftest import said, write_image
from medsam2.cli.phantom import make_phantom
from medsam2.model.building import build_network
from medsam2.model.config import network_config
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


def test_two_weights_are_compared_case_by_case(here, tmp_path):
    torch.manual_seed(5)
    torch.save({"model": build_network(network_config("starter")).state_dict()}, tmp_path / "untrained.pt")
    options = ("--split", "train", "--protocol", "box", "--structure", "spleen")
    run = here("evaluate", dataset(tmp_path / "set"), *options, "--baseline", "untrained.pt", "-o", "out")
    assert run.returncode == 0, run.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in run.stdout.splitlines()]
    titles = ["Dice", "n", "starter", "untrained.pt", "difference", "better"]
    head = rows.index(titles)
    assert [row[0] for row in rows[head + 2 : head + 4]] == ["mean over all", "spleen"]
    found = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert found["baseline"] == "untrained.pt"
    for row in rows[head + 2 : head + 4]:
        pair = found["comparison"][row[0]]
        assert pair["dice"] > pair["baseline"] + 0.3
        assert row[1:] == [
            str(pair["cases"]),
            f"{pair['dice']:.3f}",
            f"{pair['baseline']:.3f}",
            f"{pair['difference']:+.3f}",
            f"{pair['cases']} of {pair['cases']}",
        ]
    assert "| ".join(titles) in (tmp_path / "out" / "report.md").read_text("utf-8").replace(" | ", "| ")


def test_weights_to_compare_with_that_are_absent_are_refused_before_anything_runs(here, tmp_path):
    out = tmp_path / "out"
    run = here("evaluate", dataset(tmp_path / "set"), "--baseline", "absent.pt", "-o", out)
    assert run.returncode == 2
    assert "absent.pt" in said(run.stderr)[-1]
    assert not out.exists()


def test_bad_files_are_all_named_before_anything_runs(here, tmp_path):
    write_image(tmp_path / "a.nrrd", np.zeros((4, 16, 16), np.int16))
    write_image(tmp_path / "other.nrrd", np.ones((4, 16, 12), np.uint8))
    (tmp_path / "cases.csv").write_text("image,label\na.nrrd,other.nrrd\nb.nrrd,none.nrrd\n")
    run = here("evaluate", tmp_path / "cases.csv", "-o", tmp_path / "out")
    assert run.returncode == 2
    first, *named = said(run.stderr.strip())
    assert "3 unusable files" in first
    for name, line in zip(("other.nrrd", "b.nrrd", "none.nrrd"), named, strict=True):
        assert name in line
    assert not (tmp_path / "out").exists()
