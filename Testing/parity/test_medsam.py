"""A real slice goes through MedSAM as in its published recipe (`pre_CT_MR.py`, `MedSAM_Inference.py`)."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from medsam2.model.config import network_config
from medsam2.model.slice_wise import SliceWiseNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes
from medsam2.tracking.field_of_view import FieldOfView
from medsam2.volume import Volume, VolumeSlices, Window
from parity.conftest import TOLERANCE, largest_difference

reference = pytest.importorskip("parity.sam_reference", reason="`make test` installs segment-anything")
transform = pytest.importorskip("skimage.transform", reason="`make test` installs scikit-image")
CASE = Path(__file__).resolve().parents[3] / "shared" / "data" / "lesion_000009_036_image.nii.gz"
pytestmark = pytest.mark.skipif(not CASE.exists(), reason="needs the real cases")
SLICE, SIZE = 6, 1024
BOX = (150, 180, 340, 300)
"""x0, y0, x1, y1 in voxels."""


@pytest.fixture(scope="module")
def slices() -> VolumeSlices:
    return VolumeSlices(Volume.read(CASE), "k", Window.from_level(40, 400))


@pytest.fixture(scope="module")
def config() -> SliceWiseConfig:
    """MedSAM with a thin encoder of two blocks: what is compared are images, prompts and masks."""
    config = network_config("medsam")
    assert isinstance(config, SliceWiseConfig)
    return replace(config, encoder=ViTSizes(width=96, depth=2, heads=2, global_blocks=(1,)))


def resized(slices: VolumeSlices) -> np.ndarray:
    """The recipe's image of 1024 pixels, in grey values of 8 bits."""
    hounsfield = slices.volume.slice("k", SLICE).astype(np.float64).clip(-160, 240)
    grey = np.uint8((hounsfield - hounsfield.min()) / (hounsfield.max() - hounsfield.min()) * 255.0)
    rgb = np.repeat(grey[:, :, None], 3, axis=-1)
    image = transform.resize(rgb, (SIZE, SIZE), order=3, preserve_range=True, anti_aliasing=True)
    return image.astype(np.uint8)


def recipe(slices: VolumeSlices) -> torch.Tensor:
    image = resized(slices)
    image = (image - image.min()) / np.clip(image.max() - image.min(), a_min=1e-8, a_max=None)
    return torch.tensor(image).float().permute(2, 0, 1)[None]


def test_the_image(slices, config):
    whole = FieldOfView.whole(slices.grid(SLICE))
    image, shown = whole.prepared_image(slices.pixels(SLICE), SIZE, config.resampling)
    with torch.device("meta"):
        network = SliceWiseNetwork(config)
    apart = (network.prepared(image, shown) - recipe(slices)).abs() * 255
    # The recipe makes whole grey values of the slice before it resizes it too, ours only after.
    assert apart.max() <= 2.01
    assert apart.mean() <= 0.6


def test_whole_grey_values_give_the_recipes_image(slices, config):
    with torch.device("meta"):
        network = SliceWiseNetwork(config)
    grey = torch.from_numpy(resized(slices))[None, None, :, :, 0] / 255
    assert largest_difference(network.prepared(grey), recipe(slices)) <= 1e-6


@torch.inference_mode()
def test_the_mask_of_a_box(slices, config):
    official = reference.build_reference(config)
    network = SliceWiseNetwork(config).eval()
    network.load_state_dict(official.state_dict(), assign=True)
    rows, columns = slices.grid(SLICE).shape
    box = torch.tensor(BOX) / torch.tensor([columns, rows, columns, rows]) * SIZE
    logits, _ = reference.answer(official, official.image_encoder(recipe(slices)), False, boxes=box[None])
    probability = F.interpolate(logits.sigmoid(), size=(rows, columns), mode="bilinear")[0, 0]
    grey = torch.from_numpy(resized(slices))[None, None, :, :, 0] / 255
    features = network.encode_image(grey)
    # Alone of three masks MedSAM was trained to answer with the first.
    answer = network.decode(
        features, features.s16, box.reshape(1, 2, 2), torch.tensor([[2, 3]]), ambiguous=True
    )
    assert logits.std() > 0.1
    assert largest_difference(answer.logits, logits) <= TOLERANCE
    mask = FieldOfView.whole(slices.grid(SLICE)).mask_on_slice(answer.logits[0, 0], (rows, columns))
    ours, theirs = mask.full((rows, columns)), (probability > 0.5).numpy()
    assert (ours & theirs).sum() / (ours | theirs).sum() > 0.95
