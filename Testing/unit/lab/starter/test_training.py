"""The training of the starter weights: its schedule, and that it learns and goes on."""

import itertools

import pytest
import torch
from safetensors.torch import load_file

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.training import clip_forward
from medsam2_lab.starter import training
from medsam2_lab.starter.clips import clip_batches
from medsam2_lab.starter.first_weights import initialise
from unit.training.examples import same_tensors

TINY_PHASES = (
    training.Phase(steps=2, rate=4e-4, image_size=64, frames=1, clips=1, objects=1),
    training.Phase(steps=2, rate=2e-4, image_size=64, frames=2, clips=1, objects=1),
)


@pytest.fixture
def tiny_phases(monkeypatch):
    monkeypatch.setattr(training, "PHASES", TINY_PHASES)
    monkeypatch.setattr(training, "WARMUP_STEPS", 1)


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [training.learning_rate(step) for step in range(training.TOTAL_STEPS)]
    assert rates[0] < 1e-5
    assert max(rates) == pytest.approx(training.PHASES[0].rate)
    assert rates[-1] < 1e-6
    assert all(abs(b - a) < 1e-5 for a, b in itertools.pairwise(rates))


def test_after_the_last_phase_the_rate_warms_up_anew_and_stays():
    last = training.TOTAL_STEPS
    assert training.learning_rate(last, last) < 0.01 * training.FURTHER.rate
    assert training.learning_rate(last + 5000) == training.FURTHER.rate
    assert training.phase_at(last)[0] is training.FURTHER


def test_it_stops_when_the_time_is_up(tiny_phases, tmp_path):
    training.train(tmp_path, workers=0, minutes=0)
    assert not list(tmp_path.glob("*.safetensors"))


def test_it_learns_a_batch_by_heart(tiny_phases, tmp_path, monkeypatch):
    monkeypatch.setattr(clip_forward, "CORRECTED_SHARE", 0.0)  # corrections add to the loss at random
    torch.manual_seed(0)
    run, _ = training.starter_run(tmp_path, torch.device("cpu"))
    batch = next(clip_batches(seed=3, workers=0, image_size=64, frames=2, clips=2, objects=2))
    losses = []
    for _ in range(30):
        losses.append(run.train_step(batch)["loss"])
        run.step = 0  # stay at the first rate
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_it_stops_saves_and_goes_on(tiny_phases, tmp_path):
    training.train(tmp_path, workers=0, until=1)
    training.train(tmp_path, workers=0, until=4)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    weights = load_file(tmp_path / "starter.safetensors")
    assert state["step"] == 4
    assert set(weights) == set(MedSAM2(network_config("starter")).state_dict())
    assert all(value.dtype == torch.float16 for value in weights.values())
    name = "sam_mask_decoder.iou_token.weight"
    assert torch.equal(weights[name], state["network"][name].half())


def test_going_on_starts_from_what_was_saved(tiny_phases, tmp_path):
    training.train(tmp_path, workers=0, until=2)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    run, _ = training.starter_run(tmp_path, torch.device("cpu"))
    assert run.step == 2
    run.save()
    after = torch.load(tmp_path / "state.pt", weights_only=True)
    assert same_tensors(after, before)
    assert before["optimiser"]["state"]


def test_a_new_run_goes_on_from_shipped_weights_and_warms_up_again(tiny_phases, tmp_path):
    training.train(tmp_path / "first", workers=0, until=2)
    weights = tmp_path / "first" / "starter.safetensors"
    run, network = training.starter_run(tmp_path / "second", torch.device("cpu"), weights)
    saved = load_file(weights)
    assert run.step == 2
    assert all(torch.equal(value, saved[name].float()) for name, value in network.state_dict().items())
    training.train(tmp_path / "second", workers=0, until=3, weights=weights)
    run, _ = training.starter_run(tmp_path / "second", torch.device("cpu"), weights)
    assert run.step == 3


def test_the_rate_warms_up_again_where_a_new_run_goes_on():
    start = training.PHASES[0].steps
    assert training.learning_rate(start, start) < 0.01 * training.learning_rate(start)


def test_first_weights_let_a_click_see_its_surroundings():
    network = MedSAM2(network_config("starter"))
    initialise(network)
    layer = network.sam_mask_decoder.transformer.layers[0].cross_attn_token_to_image
    codes = network.sam_prompt_encoder.position_map(16).flatten(2)[0].T
    with torch.no_grad():
        attention = (layer.q_proj(codes) @ layer.k_proj(codes).T).softmax(dim=1)
    assert (attention.argmax(dim=1) == torch.arange(256)).float().mean() > 0.9
