"""The training of the starter weights: its losses, its schedule, and that it learns and resumes."""

import itertools
import json

import pytest
import torch
from safetensors.torch import load_file

from medsam2.model.config import network_config
from medsam2.model.mask_decoder import Candidates
from medsam2.model.network import MedSAM2
from medsam2.tracking.memory_bank import MemoryEntry, TemporalBank
from medsam2.tracking.view import View
from medsam2.training import clip_forward, train_starter
from medsam2.training.clip_dataset import clip_batches
from medsam2.training.losses import prompt_loss
from medsam2.training.starter_init import initialise

TINY_PHASES = (
    train_starter.Phase(steps=2, rate=4e-4, image_size=64, frames=1, clips=1, objects=1),
    train_starter.Phase(steps=2, rate=2e-4, image_size=64, frames=2, clips=1, objects=1),
)


@pytest.fixture
def tiny_phases(monkeypatch):
    monkeypatch.setattr(train_starter, "PHASES", TINY_PHASES)
    monkeypatch.setattr(train_starter, "WARMUP_STEPS", 1)


def candidates(logits: torch.Tensor, object_score: float = 5.0) -> Candidates:
    """Candidates (1, 4, s, s) with a predicted IoU of 1 for all."""
    return Candidates(logits, torch.ones(1, 4), torch.zeros(1, 4, 8), torch.tensor([object_score]))


def test_an_ambiguous_answer_is_judged_by_its_best_mask_and_a_clear_one_by_the_single_mask():
    target = torch.zeros(1, 16, 16)
    target[:, 4:12, 4:12] = 1
    right, wrong = 20 * target - 10, 10 - 20 * target
    yes = torch.ones(1, dtype=torch.bool)
    third_is_right = candidates(torch.stack([wrong, wrong, wrong, right], 1))
    single_is_right = candidates(torch.stack([right, wrong, wrong, wrong], 1))

    def loss(answer: Candidates, ambiguous: torch.Tensor) -> float:
        return float(prompt_loss(answer, target, yes, ambiguous))

    assert loss(third_is_right, yes) < loss(single_is_right, yes)
    assert loss(single_is_right, ~yes) < loss(third_is_right, ~yes)


def test_masks_do_not_count_where_the_object_is_absent():
    target, yes = torch.zeros(1, 16, 16), torch.ones(1, dtype=torch.bool)
    one = candidates(torch.full((1, 4, 16, 16), 9.0), object_score=-5.0)
    other = candidates(torch.full((1, 4, 16, 16), -9.0), object_score=-5.0)
    assert prompt_loss(one, target, ~yes, yes) == prompt_loss(other, target, ~yes, yes)
    assert prompt_loss(one, target, ~yes, yes) < prompt_loss(
        one._replace(object_score=torch.tensor([5.0])), target, ~yes, yes
    )


def test_memories_in_training_are_those_of_the_temporal_bank():
    config = network_config("starter")
    network = MedSAM2(config)
    bank = TemporalBank(config)
    memories, pointers = [], []
    for frame in range(10):
        if frame:
            trained = clip_forward._selection(network, memories, pointers)
            used = bank.select(frame, False, 100, torch.empty(0))
            marks = trained.memories[0, :, 0, 0, 0].int().tolist()
            assert dict(zip(marks, trained.time_index, strict=True)) == dict(
                zip((entry.slice_index for entry in used.entries), used.time_index, strict=True)
            )
            assert sorted(trained.pointer_distances) == pytest.approx(sorted(d for _, d in used.pointers))
        memories.append(torch.full((1, 64, 2, 2), float(frame)))
        pointers.append(torch.zeros(1, config.model_dim))
        empty = torch.empty(0)
        bank.add(MemoryEntry(frame, View(0, 0, 8, 8), empty, 1.0, 1.0, empty, empty, prompted=frame == 0))


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [train_starter.learning_rate(step) for step in range(train_starter.TOTAL_STEPS)]
    assert rates[0] < 1e-5
    assert max(rates) == pytest.approx(train_starter.PHASES[0].rate)
    assert rates[-1] < 1e-6
    assert all(abs(b - a) < 1e-5 for a, b in itertools.pairwise(rates))


def test_it_learns_a_batch_by_heart(tiny_phases, tmp_path, monkeypatch):
    monkeypatch.setattr(clip_forward, "CORRECTED_SHARE", 0.0)  # corrections add to the loss at random
    torch.manual_seed(0)
    run = train_starter.Run(tmp_path, torch.device("cpu"))
    batch = next(clip_batches(seed=3, workers=0, image_size=64, frames=2, clips=2, objects=2))
    losses = []
    for _ in range(30):
        losses.append(run.train_step(batch)["loss"])
        run.step = 0  # stay at the first rate
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_it_stops_saves_and_goes_on(tiny_phases, tmp_path):
    train_starter.train(tmp_path, workers=0, until=1)
    train_starter.train(tmp_path, workers=0, until=4)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    weights = load_file(tmp_path / "starter.safetensors")
    assert state["step"] == 4
    assert set(weights) == set(MedSAM2(network_config("starter")).state_dict())
    assert all(value.dtype == torch.float16 for value in weights.values())
    name = "sam_mask_decoder.iou_token.weight"
    assert torch.equal(weights[name], state["network"][name].half())
    assert not list(tmp_path.glob("*.part"))


def test_going_on_starts_from_what_was_saved(tiny_phases, tmp_path):
    train_starter.train(tmp_path, workers=0, until=2)
    before = torch.load(tmp_path / "state.pt", weights_only=True)
    run = train_starter.Run(tmp_path, torch.device("cpu"))
    assert run.step == 2
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, before["network"][name])
    saved, loaded = before["optimiser"]["state"], run.optimiser.state_dict()["state"]
    assert saved.keys() == loaded.keys()
    assert saved
    for place, moments in saved.items():
        assert all(torch.equal(loaded[place][name], value) for name, value in moments.items())


def test_the_log_can_be_read_by_machines(tmp_path):
    run = train_starter.Run(tmp_path, torch.device("cpu"))
    run.log([{"loss": 2.0, "last": float("nan")}, {"loss": 4.0, "last": 0.5}], seconds=3.0)
    (line,) = (tmp_path / "log.jsonl").read_text().splitlines()
    assert json.loads(line) == {"step": 0, "seconds_per_step": 1.5, "loss": 3.0, "last": 0.5}


def test_first_weights_let_a_click_see_its_surroundings():
    network = MedSAM2(network_config("starter"))
    initialise(network)
    layer = network.sam_mask_decoder.transformer.layers[0].cross_attn_token_to_image
    codes = network.sam_prompt_encoder.position_map(16).flatten(2)[0].T
    with torch.no_grad():
        attention = (layer.q_proj(codes) @ layer.k_proj(codes).T).softmax(dim=1)
    assert (attention.argmax(dim=1) == torch.arange(256)).float().mean() > 0.9
