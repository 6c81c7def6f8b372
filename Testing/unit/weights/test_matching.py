import pytest
import torch

from medsam2.errors import InputError
from medsam2.model.config import network_config
from medsam2.weights.checkpoint import read_checkpoint
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
