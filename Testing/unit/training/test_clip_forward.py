"""Prompting and tracking within a training step."""

from dataclasses import replace

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.tracking import SelfSortingMemory, TemporalMemory
from medsam2.tracking.memory_bank import TemporalBank
from medsam2.training import clip_forward
from medsam2.training.clip_forward import Teaching, clip_loss, encode_clips
from medsam2.training.losses import fine_tuning_loss
from medsam2.weights.loading import load_model
from unit.training.examples import a_batch


@pytest.fixture(scope="module")
def network() -> MedSAM2:
    return load_model("starter", "cpu").train()


def gradients(
    network: MedSAM2, teaching: Teaching, checkpointed: bool = False, frames: int = 2
) -> dict[str, torch.Tensor]:
    """Gradients by parameter of one step."""
    torch.manual_seed(0)
    network.zero_grad()
    batch = a_batch(frames)
    with sdpa_kernel(SDPBackend.MATH):
        loss, _ = clip_loss(network, encode_clips(network, batch.images, checkpointed), batch, teaching)
        loss.backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("memory", [TemporalMemory(), SelfSortingMemory(iou_threshold=0.0)])
def test_memories_learn_through_time(network, memory, monkeypatch):
    monkeypatch.setattr(clip_forward, "CORRECTED_SHARE", 0.0)
    learned = gradients(network, Teaching(fine_tuning_loss, memory=memory))
    for part in ("memory_encoder.", "memory_attention.", "image_encoder.trunk.blocks.0."):
        assert any(grad.abs().max() > 0 for name, grad in learned.items() if name.startswith(part))
    # The self-sorting bank has no order, so nothing teaches the codes of time.
    codes = learned.get("maskmem_tpos_enc")
    assert (codes is None) == isinstance(memory, SelfSortingMemory)


def test_encoding_again_instead_of_keeping_gives_the_same_gradients(network):
    teaching = Teaching(fine_tuning_loss)
    kept, again = gradients(network, teaching), gradients(network, teaching, checkpointed=True)
    assert kept.keys() == again.keys()
    for name, grad in kept.items():
        assert torch.allclose(grad, again[name], rtol=1e-3, atol=1e-4 * float(grad.abs().max()) + 1e-7), name


def test_networks_that_choose_among_masks_while_tracking_learn_to_rank_them(monkeypatch):
    config = replace(network_config("starter", "sam2.0"), single_mask_tracking=False)
    monkeypatch.setattr(clip_forward, "_frames_to_correct", lambda frames: {1})
    learned = gradients(MedSAM2(config).train(), Teaching(fine_tuning_loss, mask_share=1.0))
    # The first prompt is a mask, so masks 1 to 3 are those of the tracked slice.
    changed = learned["sam_mask_decoder.mask_tokens.weight"].abs().amax(dim=1)
    assert (changed[1:] > 0).any()


def test_efficienttam_learns_through_its_encoder_and_its_pooled_memories(monkeypatch):
    monkeypatch.setattr(clip_forward, "CORRECTED_SHARE", 0.0)
    small = {"embed_dim": 24, "num_heads": 1, "stages": (2,), "global_blocks": (1,), "memory_layers": 1}
    network = MedSAM2(replace(network_config("efficienttam_ti_1"), **small)).train()
    learned = gradients(network, Teaching(fine_tuning_loss), frames=4)
    encoder = {
        name for name, _ in network.named_parameters() if name.startswith(("image_encoder.", "memory_"))
    }
    assert encoder <= learned.keys()
    assert all(learned[name].abs().max() > 0 for name in encoder if not name.endswith("k_proj.bias"))


def test_a_mask_as_first_prompt_is_the_answer_and_teaches_its_own_entry(network):
    learned = gradients(network, Teaching(fine_tuning_loss, mask_share=1.0))
    assert learned["mask_downsample.weight"].abs().max() > 0


def test_corrected_slices_become_prompted_ones(network, monkeypatch):
    remembered = []

    class Watched(TemporalBank):
        def add(self, entry):
            remembered.append((entry.slice_index, entry.prompted))
            super().add(entry)

    class Memory(TemporalMemory):
        def bank(self, config):
            return Watched(config)

    monkeypatch.setattr(clip_forward, "_frames_to_correct", lambda frames: {1})
    gradients(network, Teaching(fine_tuning_loss, memory=Memory()), frames=3)
    assert remembered == [(0, True), (0, True), (1, True), (1, True)]


def test_an_object_is_there_however_thin_it_is(network):
    batch = a_batch(frames=3, objects=1)
    batch.masks[:, 1:] = False
    batch.masks[:, 1, 20, 8:56] = True
    frames = list(clip_forward._frames(encode_clips(network, batch.images), batch))
    assert [frame.visible.tolist() for frame in frames] == [[True] * len(batch.clip)] * 2 + [
        [False] * len(batch.clip)
    ]


def test_a_prompted_thin_object_is_corrected(network, monkeypatch):
    batch = a_batch(frames=1, objects=1)
    batch.masks[:] = False
    batch.masks[..., 20, 8:56] = True
    monkeypatch.setattr(clip_forward, "_frames_to_correct", lambda frames: {0})
    loss, report = clip_loss(network, encode_clips(network, batch.images), batch, Teaching(fine_tuning_loss))
    assert torch.isfinite(loss)
    assert report["first"] >= 0


def test_at_most_two_slices_are_corrected():
    torch.manual_seed(0)
    drawn = [clip_forward._frames_to_correct(8) for _ in range(300)]
    assert {len(frames) for frames in drawn} == {0, 1, 2}
    assert set().union(*drawn) == set(range(8))
    assert all(len(frames) < 2 or 0 in frames for frames in drawn)


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_mask_that_goes_on_beyond_the_end_is_clicked_away(network, goes_on):
    batch = a_batch(frames=2, objects=1)
    batch.masks[:, 1] = False
    features = encode_clips(network, batch.images)
    _, frame = clip_forward._frames(features, batch)
    prediction = network.decode(frame.features, network.condition(frame.features.s16, None))
    logits = torch.full_like(prediction.logits, 4.0 if goes_on else -4.0)
    none = torch.zeros(len(frame.masks), 0, dtype=torch.long)
    _, loss, clicked = clip_forward._corrected(
        network,
        frame,
        network.condition(frame.features.s16, None),
        prediction._replace(logits=logits),
        Teaching(fine_tuning_loss),
        torch.zeros(*none.shape, 2),
        none,
    )
    assert clicked.tolist() == [goes_on] * len(clicked)
    assert (loss > 0) == goes_on
