import subprocess
import sys

import pytest
import torch

from medsam2.errors import InputError
from medsam2.shortcuts import EXACT, FAST, Shortcuts
from medsam2.weights.importing import import_weights
from medsam2.weights.loading import choose_autocast_dtype, choose_device, load_model


def test_a_file_becomes_a_ready_network(starter_file, starter_state):
    network = load_model(starter_file, device="cpu")
    assert not network.training
    assert network.config.preset == "starter"
    assert network.autocast_dtype is None
    state = network.state_dict()
    assert all(torch.equal(state[name], starter_state[name]) for name in starter_state)
    assert {tensor.device.type for tensor in [*network.parameters(), *network.buffers()]} == {"cpu"}
    with torch.inference_mode():
        features = network.encode_image(torch.rand(1, 1, 256, 256))
    assert all(level.isfinite().all() for level in features)


def test_it_loads_without_torch_s_compiler_which_takes_a_second():
    code = "import sys; from medsam2.weights.loading import load_model; load_model(device='cpu'); "
    code += "sys.exit('torch._dynamo' in sys.modules or 'sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_half_precision_files_become_fp32_networks(tmp_path, tiny20_state):
    torch.save(
        {"model": {name: tensor.bfloat16() for name, tensor in tiny20_state.items()}}, tmp_path / "m.pth"
    )
    network = load_model(tmp_path / "m.pth", device="cpu")
    assert (network.config.family, network.config.image_size) == ("sam2.0", 1024)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_imported_weights_load_by_their_name(starter_file):
    import_weights(starter_file, "mine")
    assert load_model("mine", device="cpu").config.preset == "starter"


def test_a_partial_file_is_refused(tmp_path, starter_state):
    del (state := dict(starter_state))["no_mem_embed"]
    torch.save(state, tmp_path / "partial.pt")
    with pytest.raises(InputError, match="1 are missing"):
        load_model(tmp_path / "partial.pt", device="cpu")


def test_precision(starter_file):
    assert load_model(starter_file, device="cpu", precision="bf16").autocast_dtype == torch.bfloat16
    assert choose_autocast_dtype("auto", torch.device("cpu")) is None
    assert choose_autocast_dtype("fp32", torch.device("cpu")) is None
    with pytest.raises(InputError, match="no precision 'fp64'"):
        choose_autocast_dtype("fp64", torch.device("cpu"))


def test_shortcuts_leave_a_precision_that_was_asked_for(starter_file, monkeypatch):
    monkeypatch.setattr("medsam2.model.shortcuts.is_bf16_quick", lambda device_type: True)
    assert load_model(starter_file, "cpu", "auto", FAST).shortcuts == Shortcuts(bf16=True)
    assert load_model(starter_file, "cpu", "fp32", FAST).shortcuts == EXACT
    monkeypatch.setattr("medsam2.model.shortcuts.is_bf16_quick", lambda device_type: False)
    monkeypatch.setattr("medsam2.model.shortcuts.is_int8_quick", lambda device_type: True)
    for precision in ("fp32", "bf16"):
        assert load_model(starter_file, "cpu", precision, FAST).shortcuts == EXACT


@pytest.mark.parametrize(("capability", "chosen"), [((8, 0), torch.bfloat16), ((7, 5), None)])
def test_precision_on_a_gpu_follows_what_it_can(monkeypatch, capability, chosen):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_autocast_dtype("auto", torch.device("cuda")) is chosen
    if chosen is None:
        with pytest.raises(InputError, match="cannot compute in bf16"):
            choose_autocast_dtype("bf16", torch.device("cuda"))


@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"), [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]
)
def test_auto_takes_the_fastest_device(monkeypatch, cuda, mps, chosen):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto").type == chosen


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "xpu:7"])
def test_an_absent_device_is_told(device):
    with pytest.raises(InputError, match=f"There is no device '{device}' here"):
        choose_device(device)


@pytest.mark.parametrize(("mps", "there"), [(False, "cpu"), (True, "cpu, mps")])
def test_of_an_absent_device_those_are_told_that_are_there(monkeypatch, mps, there):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    with pytest.raises(InputError, match=f"use auto, or one of {there}\\."):
        choose_device("cuda:99")
