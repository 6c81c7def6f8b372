import math

import pytest
import torch

from medsam2.errors import InputError
from medsam2.model.config import network_config
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.importing import import_weights
from medsam2.weights.loading import load_model
from medsam2.weights.matching import match_report, require_match


def test_a_complete_state_matches_wholly(starter_state):
    report = match_report(starter_state, network_config("starter"))
    assert report.complete
    assert set(report.matched) == set(starter_state)


def test_a_partial_state_is_reported_and_refused_with_its_counts(tmp_path, starter_state):
    state = dict(starter_state)
    del state["no_obj_ptr"], state["no_mem_embed"]
    state["extra.weight"] = torch.zeros(2)
    state["no_mem_pos_enc"] = torch.zeros(1, 1, 7)
    report = match_report(state, network_config("starter"))
    assert not report.complete
    assert set(report.missing) == {"no_obj_ptr", "no_mem_embed"}
    assert report.unexpected == ("extra.weight",)
    assert report.wrong_shape == ("no_mem_pos_enc",)
    torch.save(state, tmp_path / "partial.pt")
    counts = (
        rf"\({len(starter_state) - 3} tensors match, 2 are missing, 1 are unexpected, 1 have another shape\)"
    )
    with pytest.raises(InputError, match=rf"'partial.pt' fits .* starter only partly {counts}"):
        require_match(read_checkpoint(tmp_path / "partial.pt"), "partial.pt")


@pytest.mark.parametrize("value", [math.nan, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_numbers_that_are_not_finite_are_reported_and_refused(tmp_path, starter_state, value, dtype):
    state = {name: tensor.to(dtype) for name, tensor in starter_state.items()}
    state["no_mem_embed"] = torch.full_like(state["no_mem_embed"], value)
    assert match_report(state, network_config("starter")).not_finite == ("no_mem_embed",)
    torch.save(state, tmp_path / "diverged.pt")
    found = rf"holds NaN or infinite numbers in 1 of its {len(state)} tensors.*give an earlier checkpoint"
    with pytest.raises(InputError, match=f"'diverged.pt' {found}"):
        import_weights(tmp_path / "diverged.pt", "diverged")
    with pytest.raises(InputError, match=found):
        load_model(tmp_path / "diverged.pt", device="cpu")
