"""A click becomes a labelmap with a network of each family, from a file as it is published.

LiteMedSAM's goes through ``test_families_on_a_server``, EfficientTAM's through ``test_efficienttam``.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from e2e.conftest import write_image
from e2e.official_files import write_official_file

CLICK = (20, 24)


def write_column(path: Path, slices: int) -> Path:
    """A bright column along k."""
    _, j, i = np.mgrid[:slices, :48, :48]
    shade = 3 * (j // 8)
    return write_image(
        path, np.where((j - 24) ** 2 + (i - 20) ** 2 < 81, 150 - shade, shade).astype(np.int16)
    )


@pytest.mark.parametrize(
    ("preset", "slices"),
    [("mobile_sam", 2), ("sam_med2d", 1), ("sam_vit_b", 1), ("medsam", 1)],
)
def test_from_a_click_to_a_labelmap(medsam2, tmp_path, preset, slices):
    image = write_column(tmp_path / "column.nrrd", slices)
    weights = write_official_file(tmp_path, preset)
    at = ("--ijk", "--point", ",".join(map(str, (*CLICK, 0))))
    run = medsam2("segment", image, *at, "--weights", weights, "-o", tmp_path / "out.nrrd", "--json")
    weights.unlink()
    assert run.returncode == 0, run.stderr
    (found,) = json.loads(run.stdout)["objects"]
    assert len(found["scores"]) == slices
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "out.nrrd")))
    assert mask.shape == (slices, 48, 48)
    assert found["voxels"] == int(mask.sum())
    assert mask[0].any()
