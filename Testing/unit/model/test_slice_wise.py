"""How networks of one slice see images, choose masks and say that nothing is there."""

from dataclasses import replace

import pytest
import torch

from medsam2.model.config import network_config
from medsam2.model.slice_wise import SliceWiseNetwork
from medsam2.model.slice_wise_config import SliceWiseConfig, ViTSizes

SIZE = 64


def small(preset: str, **changes) -> SliceWiseNetwork:
    """A preset's rules in a network of two narrow blocks."""
    config = network_config(preset)
    assert isinstance(config, SliceWiseConfig)
    encoder = ViTSizes(width=32, depth=2, heads=2, global_blocks=(1,))
    torch.manual_seed(3)
    return SliceWiseNetwork(replace(config, image_size=SIZE, encoder=encoder, **changes)).eval()


@torch.inference_mode()
def answers(network: SliceWiseNetwork, ambiguous: bool):
    """The network's answer to a click, and the four masks and IoUs that it chose from."""
    features = network.encode_image(torch.rand(1, 1, SIZE, SIZE))
    point, label = torch.tensor([[[20.0, 30.0]]]), torch.tensor([[1]])
    chosen = network.decode(features, features.s16, point, label, ambiguous=ambiguous)
    prompts, size = network.prompt_encoder, features.s16.shape[-1]
    masks, ious = network.mask_decoder(
        features.s16 + prompts.embed_mask(None, 1, size),
        prompts.position_map(size),
        prompts.embed_points(point, label, SIZE),
    )
    return chosen, masks[0], ious[0]


@pytest.mark.parametrize(
    ("preset", "ambiguous", "takes_best"),
    [
        ("sam_vit_b", True, True),
        ("sam_vit_b", False, False),
        ("medsam", True, False),
        ("sam_med2d", False, True),
    ],
)
def test_which_mask_is_taken(preset, ambiguous, takes_best):
    chosen, masks, ious = answers(small(preset), ambiguous)
    index = 1 + int(ious[1:].argmax()) if takes_best else 0
    assert torch.equal(chosen.logits[0, 0], masks[index])


def test_a_predicted_iou_beyond_1_is_told_as_1():
    network = small("sam_vit_b")
    with torch.no_grad():
        network.mask_decoder.iou_prediction_head.layers[-1].bias.fill_(5)
    chosen, _, ious = answers(network, True)
    assert ious.max() > 1
    assert float(chosen.iou) == 1


def test_a_mask_without_pixels_is_an_object_that_is_not_there():
    network = small("sam_vit_b")
    features = network.encode_image(torch.rand(2, 1, SIZE, SIZE))
    mask = torch.zeros(2, 1, SIZE, SIZE)
    mask[1, 0, 8:40, 16:48] = 1
    taken = network.take_mask(features, mask)
    assert taken.object_score.sign().tolist() == [-1, 1]
    assert taken.iou.tolist() == [1, 1]
    assert taken.pointer.shape == (2, 0)
    assert torch.equal(taken.logits[1, 0] > 0, mask[1, 0, 1::4, 1::4] > 0)


def test_medsam_stretches_what_is_shown_of_each_image_to_its_whole_range():
    network = small("medsam")
    images = torch.full((2, 1, SIZE, SIZE), 0.5)
    images[:, 0, 0, 0], images[0, 0, 0, 1], images[1, 0, 0, 1] = 60 / 255, 200.9 / 255, 110 / 255
    shown = torch.ones_like(images, dtype=torch.bool)
    images[:, :, 40:], shown[:, :, 40:] = 1, False
    seen = network.prepared(images, shown)
    assert seen.shape == (2, 3, SIZE, SIZE)
    # 127.5 of 60 to 200, and above 110, which is no longer the brightest: grey values drop their rest.
    assert seen[0, 0, 5, 5] == pytest.approx((127 - 60) / (200 - 60))
    assert seen[1].max() == seen[1, 1, 5, 5] == 1
    assert not seen[:, :, 40:].any()


def test_an_image_of_one_grey_value_is_black_for_medsam():
    assert not small("medsam").prepared(torch.full((1, 1, SIZE, SIZE), 0.4)).any()


def test_an_image_of_which_nothing_is_shown_is_no_fault():
    for preset in ("medsam", "sam_vit_b"):
        nowhere = torch.zeros(1, 1, SIZE, SIZE, dtype=torch.bool)
        assert not small(preset).prepared(torch.rand(1, 1, SIZE, SIZE), nowhere).any()


def test_half_precision_computes():
    network = small("sam_vit_b")
    images = torch.rand(1, 1, SIZE, SIZE)
    with torch.inference_mode():
        exact = network.encode_image(images).s16
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network.encode_image(images).s16
    assert (rounded.float() - exact).abs().mean() < 0.05 * exact.abs().mean()
