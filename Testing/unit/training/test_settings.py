"""The settings of a run, its history, and which weights it changes."""

import hashlib
import json

import pytest

from medsam2.errors import InputError
from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.training.model_card import Training, model_card
from medsam2.training.parameter_rates import freeze, make_optimiser
from medsam2.training.settings import Settings, keep_settings, names_digest
from medsam2.training.training_log import duration
from medsam2.training.validation import History
from medsam2.weights.loading import load_model
from medsam2.weights.store import locate

DATA = {"dataset": names_digest(["a", "b"])}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"steps": 0}, "--steps is 0"),
        ({"frames": -1}, "--frames is -1"),
        ({"rate": 0.0}, "--rate is 0"),
        ({"image_size": 100}, "multiple of 32"),
    ],
)
def test_settings_that_cannot_be(wrong, message):
    with pytest.raises(InputError, match=message):
        Settings(**wrong)


def test_going_on_with_other_settings_names_each(tmp_path):
    keep_settings(tmp_path / "run", Settings(freeze=("image_encoder",)), DATA)
    keep_settings(tmp_path / "run", Settings(freeze=("image_encoder",)), DATA)
    with pytest.raises(InputError, match="--frames 8, not 4; --freeze image_encoder, not none") as caught:
        keep_settings(tmp_path / "run", Settings(frames=4, freeze=()), DATA)
    assert "--seed" not in str(caught.value)
    with pytest.raises(InputError, match="--dataset 2 cases"):
        keep_settings(tmp_path / "run", Settings(freeze=("image_encoder",)), {"dataset": names_digest(["a"])})
    sentence = (
        "--image-size left out, not 128; --freeze image_encoder, not none; --memory neighbours, not self"
    )
    with pytest.raises(InputError, match=sentence):
        keep_settings(tmp_path / "run", Settings(image_size=128, memory="self-sorting"), DATA)


def test_names_that_are_no_utf_8_have_fingerprints_of_their_own():
    assert len({names_digest([name]) for name in ("caf\udce9", "caf\udce8", "caf?", "café")}) == 4
    assert names_digest(["café"]) == "1 cases, " + hashlib.sha256("café".encode()).hexdigest()[:12]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        keep_settings(tmp_path, Settings(), DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_best_step_is_remembered_and_a_stall_noticed(tmp_path):
    history = History(tmp_path)
    for step, score in ((0, 0.2), (10, 0.6), (20, 0.5), (30, 0.6)):
        assert history.is_best(score) == (step in (0, 10))
        history.add(step, score)
    history.write()
    read = History(tmp_path)
    assert read.scores == {0: 0.2, 10: 0.6, 20: 0.5, 30: 0.6}
    assert read.best_step == 10
    assert read.has_stalled(2)
    assert not read.has_stalled(3)
    assert json.loads((tmp_path / "validation.json").read_text())["10"] == 0.6


def test_the_table_marks_the_best_step(tmp_path):
    history = History(tmp_path)
    for step, score in ((0, 0.2), (1000, 0.6), (2000, 0.6)):
        history.add(step, score)
    assert [line.split() for line in history.table().splitlines()] == [
        ["step", "mean", "Dice"],
        ["0", "0.200"],
        ["1000", "0.600", "best"],
        ["2000", "0.600"],
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (12000, "3 h 20 min")]
)
def test_durations_are_said_as_people_do(seconds, text):
    assert duration(seconds) == text


def test_frozen_parts_stay_out_of_the_optimiser():
    network = load_model("starter", "cpu")
    with pytest.raises(InputError, match="no part 'image_enc' to freeze; choose from image_encoder, memory_"):
        freeze(network, ["image_enc"])
    freeze(network, ["image_encoder", "memory_attention"])
    taught = {id(p) for group in make_optimiser(network, 1e-4).param_groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in taught) == (not name.startswith(("image_encoder.", "memory_attention."))), (
            name
        )


@pytest.mark.parametrize(
    ("preset", "neck"), [("starter", "convs.0.conv"), ("efficienttam_ti", "convs.0.conv_1x1")]
)
def test_rates_fall_towards_the_first_layers_and_norms_do_not_decay(preset, neck):
    network = MedSAM2(network_config(preset))
    found = {}
    for group in make_optimiser(network, 5e-5).param_groups:
        for parameter in group["params"]:
            found[id(parameter)] = (group["lr"], group["weight_decay"])
    by_name = {name: found[id(parameter)] for name, parameter in network.named_parameters()}
    trunk, last = "image_encoder.trunk", len(network.image_encoder.trunk.blocks) - 1
    assert by_name["sam_mask_decoder.iou_token.weight"] == (5e-5, 0.1)
    assert by_name["obj_ptr_proj.layers.0.bias"] == (5e-5, 0.0)
    assert by_name[f"image_encoder.neck.{neck}.weight"] == pytest.approx((3e-5, 0.1))
    assert by_name[f"{trunk}.pos_embed"] == pytest.approx((3e-5, 0.1))
    assert by_name[f"{trunk}.blocks.{last}.norm1.weight"] == pytest.approx((3e-5 * 0.9, 0.0))
    assert by_name[f"{trunk}.blocks.0.mlp.layers.0.weight"] == pytest.approx((3e-5 * 0.9 ** (last + 1), 0.1))
    assert by_name[f"{trunk}.patch_embed.proj.weight"] == pytest.approx((3e-5 * 0.9 ** (last + 2), 0.1))


def test_the_card_says_what_the_weights_are_made_of():
    base = locate("starter")
    card = model_card(Training(base, "spleens", 8, 2, 300, 0.9134, 0.5), Settings(freeze=("image_encoder",)))
    for fact in ("starter", "Apache-2.0", "spleens, 8 cases", "0.913 after 300 steps, 0.500 before"):
        assert fact in card
    assert "Not for diagnosis" in card
    assert "| neighbours |" in card
    assert str(base.path.parent) not in card
