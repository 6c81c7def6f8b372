"""SAM ViT-B, L and H equal the `segment-anything` package."""

from dataclasses import replace

import pytest
import torch

from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.model.slice_wise import SliceWiseNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes
from parity.conftest import TOLERANCE, largest_difference, random_images

reference = pytest.importorskip(
    "parity.sam_reference", reason="needs the segment-anything package: `make test` installs it"
)


def sized(preset: str, image_size: int, **encoder) -> SliceWiseConfig:
    """A preset for smaller images, or with other sizes of its encoder."""
    config = network_config(preset)
    assert isinstance(config, SliceWiseConfig)
    assert isinstance(config.encoder, ViTSizes)
    return replace(config, image_size=image_size, encoder=replace(config.encoder, **encoder))


def both(config: SliceWiseConfig):
    """The official network, and ours on its tensors, which so lie in memory once."""
    official = reference.build_reference(config)
    ours = build_network(config).eval()
    assert isinstance(ours, SliceWiseNetwork)
    ours.load_state_dict(official.state_dict(), assign=True)
    return official, ours


@pytest.fixture(scope="module")
def vit_b():
    return both(sized("sam_vit_b", 256))


@pytest.fixture(scope="module")
def features(vit_b):
    """Of one image: the official network's, and ours."""
    official, ours = vit_b
    images = random_images(1, 256)
    with torch.inference_mode():
        return official.image_encoder(ours.prepared(images)), ours.encode_image(images)


def test_image_features(features):
    theirs, ours = features
    assert theirs.std() > 0.1
    assert largest_difference(ours.s16, theirs) <= TOLERANCE


@pytest.mark.parametrize(
    ("preset", "size", "thinner"),
    [("sam_vit_b", 1024, {"width": 192, "heads": 3}), ("sam_vit_l", 320, {}), ("sam_vit_h", 320, {})],
)
def test_features_of_a_block_with_windows_and_one_without(preset, size, thinner):
    """At 1024 pixels the windows of 14 overhang the map by 6 tokens; at 320 by 8."""
    official, ours = both(sized(preset, size, depth=2, global_blocks=(1,), **thinner))
    images = random_images(1, size)
    with torch.inference_mode():
        theirs = official.image_encoder(ours.prepared(images))
        mine = ours.encode_image(images).s16
    assert theirs.std() > 0.1
    assert largest_difference(mine, theirs) <= TOLERANCE


@pytest.mark.parametrize("preset", ["sam_vit_b", "sam_vit_l", "sam_vit_h"])
def test_names_and_shapes(preset):
    with torch.device("meta"):
        ours = build_network(network_config(preset)).state_dict()
    assert {name: tensor.shape for name, tensor in ours.items()} == reference.official_shapes(preset)


CLICK, OTHER, OUTSIDE = (100.0, 130.0), (140.0, 110.0), (30.0, 200.0)
BOX = (60.0, 80.0, 190.0, 170.0)
PROMPTS = {
    # Points, their labels, box, whether a mask is given, and whether three masks are asked for.
    "one click": ([CLICK], [1], None, False, True),
    "three clicks": ([CLICK, OTHER, OUTSIDE], [1, 1, 0], None, False, False),
    "box": ([], [], BOX, False, False),
    "box and click": ([OUTSIDE], [0], BOX, False, False),
    "click on a mask": ([OTHER], [1], None, True, False),
    "mask": ([], [], None, True, False),
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_prompts(vit_b, features, prompt):
    official, ours = vit_b
    points, labels, box, has_mask, multimask = prompt
    their_features, our_features = features
    mask = 8 * random_images(1, ours.config.logit_size, seed=2) - 4 if has_mask else None
    pixels, kinds = torch.tensor(points).reshape(1, -1, 2), torch.tensor(labels).reshape(1, -1)
    corners = None if box is None else torch.tensor(box).reshape(1, 2, 2)
    with torch.inference_mode():
        logits, ious = reference.answer(
            official,
            their_features,
            multimask,
            points=(pixels, kinds) if points else None,
            boxes=None if corners is None else corners.flatten(1),
            masks=mask,
        )
        if corners is not None:
            pixels, kinds = torch.cat((corners, pixels), dim=1), torch.tensor([[2, 3, *labels]])
        given = (pixels, kinds) if pixels.numel() else (None, None)
        mine = ours.decode(our_features, our_features.s16, *given, mask, multimask)
    best = int(ious[0].argmax())
    assert logits.std() > 0.1
    assert largest_difference(mine.logits[0, 0], logits[0, best]) <= TOLERANCE
    assert largest_difference(mine.iou, ious[:, best].clamp(0, 1)) <= TOLERANCE


def test_grey_values_are_normalised_as_by_the_official_program(vit_b):
    official, ours = vit_b
    values = torch.arange(256).reshape(1, 1, 16, 16)
    theirs = official.preprocess(values.expand(-1, 3, -1, -1).float())[..., :16, :16]
    assert largest_difference(ours.prepared(values / 255), theirs) <= 1e-5


def test_what_is_beyond_the_slice_is_zero_after_normalisation(vit_b):
    official, ours = vit_b
    images = random_images(1, 256)
    shown = torch.zeros_like(images, dtype=torch.bool)
    shown[..., :200, :] = True
    theirs = official.preprocess((images[..., :200, :] * 255).round().expand(-1, 3, -1, -1))
    assert largest_difference(ours.prepared(images, shown), theirs) <= 1e-5
