"""Answers to prompts on single images equal the reference's."""

from functools import partial

import pytest
import torch

from parity.conftest import TOLERANCE, largest_difference

reference = pytest.importorskip("parity.reference", reason="needs the sam2 package: `make test` installs it")
Prompt = reference.Prompt


def prompts(size: int) -> dict[str, "Prompt"]:
    inside, other, outside = (0.4 * size, 0.55 * size), (0.5 * size, 0.42 * size), (0.81 * size, 0.2 * size)
    box = (0.22 * size, 0.3 * size, 0.7 * size, 0.66 * size)
    return {
        "one click": Prompt((inside,), (1,)),
        "one negative click": Prompt((outside,), (0,)),
        "three clicks": Prompt((inside, other, outside), (1, 1, 0)),
        "box": Prompt(box=box),
        "box and clicks": Prompt((inside, outside), (1, 0), box=box),
    }


def disc(size: int) -> torch.Tensor:
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return ((rows - 0.5 * size) ** 2 + (columns - 0.4 * size) ** 2 < (0.21 * size) ** 2).float()


@pytest.fixture(scope="module")
def known_features() -> dict:
    """What the networks made of the image that all tests here share."""
    return {}


@pytest.fixture(autouse=True)
def encoded_once(request, pair, known_features, monkeypatch) -> None:
    """Both networks encode that image in the first test of each preset only."""
    for network, method in ((pair.reference, "forward_image"), (pair.network, "encode_image")):
        key = (request.node.callspec.params["pair"], method)
        encode = partial(_encoded, known_features, key, getattr(network, method))
        monkeypatch.setattr(network, method, encode)


def _encoded(known_features: dict, key, encode, image):
    if key not in known_features:
        known_features[key] = image, encode(image)
    known_image, features = known_features[key]
    assert torch.equal(image, known_image)
    return features


@pytest.fixture(params=["present", "absent"])
def presence(request, pair):
    """The random object score head made to say that all objects are there, or that none is."""
    bias = {"present": 5.0, "absent": -5.0}[request.param]
    heads = [net.sam_mask_decoder.pred_obj_score_head.layers[-1] for net in (pair.reference, pair.network)]
    before = heads[0].bias.item()
    with torch.no_grad():
        for head in heads:
            head.bias.fill_(bias)
        yield request.param
        for head in heads:
            head.bias.fill_(before)


def answer_ours(network, image, prompt, earlier_logits=None):
    given = reference.point_inputs(prompt)
    with torch.inference_mode():
        features = network.encode_image(image)
        return network.decode(
            features,
            network.condition(features.s16, None),
            points=given["point_coords"],
            labels=given["point_labels"],
            mask_logits=earlier_logits,
            ambiguous=given["point_labels"].shape[1] == 1,
        )


def assert_same_answer(ours, theirs) -> None:
    assert largest_difference(ours.logits, theirs.logits[None, None]) <= TOLERANCE
    assert largest_difference(ours.iou, theirs.iou[None]) <= TOLERANCE
    assert largest_difference(ours.object_score, theirs.object_score[None]) <= TOLERANCE
    assert largest_difference(ours.pointer, theirs.pointer[None]) <= TOLERANCE


def test_points_and_boxes(pair, presence):
    image = pair.random_images(1)
    for prompt in prompts(pair.size).values():
        theirs = reference.answer(pair.reference, image, prompt)
        assert (theirs.logits.max() > -1024) == (presence == "present")
        assert_same_answer(answer_ours(pair.network, image, prompt), theirs)


def test_correction_of_an_earlier_answer(pair, presence):
    image = pair.random_images(1)
    prompt = prompts(pair.size)["three clicks"]
    earlier = pair.random_images(1, seed=2)[..., ::4, ::4] * 20 - 10
    theirs = reference.answer(pair.reference, image, prompt, earlier[0, 0])
    assert_same_answer(answer_ours(pair.network, image, prompt, earlier), theirs)


def test_mask(pair, presence):
    image = pair.random_images(1)
    for mask in (disc(pair.size), torch.zeros(pair.size, pair.size)):
        theirs = reference.answer(pair.reference, image, Prompt(mask=mask))
        with torch.inference_mode():
            ours = pair.network.take_mask(pair.network.encode_image(image), mask[None, None])
        assert_same_answer(ours, theirs)


def test_several_prompts_on_one_image_at_once(pair, presence):
    image = pair.random_images(1)
    clicks = [(0.3 * pair.size, 0.4 * pair.size), (0.7 * pair.size, 0.6 * pair.size)]
    theirs = [reference.answer(pair.reference, image, Prompt((click,), (1,))) for click in clicks]
    network = pair.network
    with torch.inference_mode():
        features = network.encode_image(image)
        ours = network.decode(
            features,
            network.condition(features.s16, None).expand(2, -1, -1, -1),
            points=torch.tensor(clicks)[:, None],
            labels=torch.ones(2, 1, dtype=torch.int32),
        )
    assert largest_difference(ours.logits[:, 0], torch.stack([one.logits for one in theirs])) <= TOLERANCE
    assert largest_difference(ours.iou, torch.stack([one.iou for one in theirs])) <= TOLERANCE
    assert largest_difference(ours.pointer, torch.stack([one.pointer for one in theirs])) <= TOLERANCE
