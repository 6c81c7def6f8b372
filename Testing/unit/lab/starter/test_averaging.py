"""Weights are averaged tensor by tensor."""

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from medsam2.errors import InputError
from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from medsam2.training.saving import write_weights
from medsam2.weights.loading import load_model
from medsam2_lab.starter.averaging import average_weights


def test_the_mean_of_two_runs_loads_as_starter_weights(tmp_path):
    for number, steps in enumerate((30, 20)):
        torch.manual_seed(number)
        write_weights(tmp_path / f"{number}.safetensors", MedSAM2(network_config("starter")), steps)
    files = [tmp_path / "0.safetensors", tmp_path / "1.safetensors"]
    average_weights(files, tmp_path / "mean.safetensors")
    one, other, mean = (load_file(file) for file in (*files, tmp_path / "mean.safetensors"))
    for name, value in mean.items():
        assert value.dtype == torch.float16
        expected = (one[name].float() + other[name].float()) / 2
        torch.testing.assert_close(value.float(), expected, atol=1e-3, rtol=1e-3)
    with safe_open(tmp_path / "mean.safetensors", "pt") as file:
        assert file.metadata()["steps"] == "30"
    assert load_model(tmp_path / "mean.safetensors").config.preset == "starter"


def test_what_is_no_weights_is_refused(tmp_path):
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(InputError):
        average_weights([tmp_path / "text.safetensors"], tmp_path / "mean.safetensors")
    assert not (tmp_path / "mean.safetensors").exists()
