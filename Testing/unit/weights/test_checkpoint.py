import argparse
import os
import pickle
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

from medsam2.errors import InputError
from medsam2.model.building import build_network
from medsam2.model.config import PRESETS, network_config
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.matching import match_report


def same(tensors, expected):
    assert tensors.keys() == expected.keys()
    return all(torch.equal(tensors[name], expected[name]) for name in expected)


def save_shapes(preset, family, path):
    """A checkpoint that takes no space: the numbers are a hole in the file."""
    with torch.device("meta"):
        state = build_network(network_config(preset, family)).state_dict()
    with torch.serialization.skip_data():
        tensors = {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in state.items()}
        torch.save({"model": tensors}, path)


WRAPPERS = {
    "model": lambda state: {"model": state},
    "state_dict": lambda state: {"state_dict": state, "epoch": 3},
    "bare": lambda state: state,
    "nested": lambda state: {"model": {"state_dict": state}},
    "module": lambda state: {"model": {f"module.{name}": tensor for name, tensor in state.items()}},
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_every_wrapper_is_opened(tmp_path, starter_state, wrap, zipped):
    path = tmp_path / "weights.pt"
    torch.save(wrap(starter_state), path, _use_new_zipfile_serialization=zipped)
    checkpoint = read_checkpoint(path)
    assert same(checkpoint.tensors, starter_state)
    assert (checkpoint.family, checkpoint.preset) == ("sam2.1", "starter")
    assert checkpoint.metadata == {}


def test_medsam_2_file_in_bf16_is_recognised_and_widened(tmp_path, tiny20_state):
    rounded = {name: tensor.bfloat16() for name, tensor in tiny20_state.items()}
    path = tmp_path / "MedSAM2_pretrain.pth"
    torch.save({"model": rounded}, path)
    checkpoint = read_checkpoint(path)
    assert (checkpoint.family, checkpoint.preset) == ("sam2.0", "tiny")
    assert checkpoint.stored_dtype == "bfloat16"
    assert len(checkpoint.tensors) == 468
    assert sum(tensor.numel() for tensor in checkpoint.tensors.values()) == 38_946_242
    assert {tensor.dtype for tensor in checkpoint.tensors.values()} == {torch.float32}
    assert same(checkpoint.tensors, {name: tensor.float() for name, tensor in rounded.items()})


@pytest.mark.parametrize(
    ("name", "asked", "preset"),
    [
        ("MedSAM2_latest.pt", None, "tiny_512"),
        ("medsam2_FLARE25_RECIST_baseline.pt", None, "tiny_512"),
        ("sam2.1_hiera_tiny.pt", None, "tiny"),
        ("mine.pt", "tiny_512", "tiny_512"),
        ("MedSAM2_latest.pt", "tiny", "tiny"),
    ],
)
def test_the_name_or_the_caller_tells_512_from_1024(tmp_path, name, asked, preset):
    save_shapes("tiny", "sam2.1", tmp_path / name)
    assert read_checkpoint(tmp_path / name, asked, dtype=None).preset == preset


@pytest.mark.parametrize(
    ("name", "asked", "size", "preset"),
    [
        ("efficienttam_ti.pt", None, "ti", "efficienttam_ti"),
        ("efficienttam_ti_512x512.pt", None, "ti", "efficienttam_ti_512"),
        ("efficienttam_ti_1.pt", None, "ti", "efficienttam_ti_1"),
        ("efficienttam_s_2 (1).pt", None, "s", "efficienttam_s_2"),
        ("efficienttam_s_1024.pt", None, "s", "efficienttam_s"),
        ("efficienttam_s_512x512.pt", None, "ti", "efficienttam_ti"),
        ("eff_medsam2_tiny_FLARE25_RECIST_baseline.pt", None, "ti", "efficienttam_ti_512"),
        ("eff_medsam2_small_FLARE25_RECIST_baseline.pt", None, "s", "efficienttam_s_512"),
        ("efficienttam_ti_512x512.pt", "efficienttam_ti", "ti", "efficienttam_ti"),
        ("mine.pt", "efficienttam_s_1", "s", "efficienttam_s_1"),
    ],
)
def test_the_name_or_the_caller_tells_variants_of_efficienttam(tmp_path, name, asked, size, preset):
    """All variants of a size have the same tensors; a name that the tensors belie says nothing."""
    save_shapes(f"efficienttam_{size}", "efficienttam", tmp_path / name)
    checkpoint = read_checkpoint(tmp_path / name, asked, dtype=None)
    assert (checkpoint.family, checkpoint.preset) == ("efficienttam", preset)


def test_safetensors_metadata_goes_before_the_name(tmp_path, tiny21_state):
    path = tmp_path / "MedSAM2_mine.safetensors"
    half = {name: tensor.half() for name, tensor in tiny21_state.items()}
    save_file(half, path, {"preset": "tiny", "made_by": "a test"})
    checkpoint = read_checkpoint(path)
    assert checkpoint.preset == "tiny"
    assert checkpoint.metadata == {"preset": "tiny", "made_by": "a test"}
    assert checkpoint.stored_dtype == "float16"
    assert read_checkpoint(path, dtype=None).tensors["no_mem_embed"].dtype == torch.float16


@pytest.mark.parametrize(
    ("preset", "family"), [(name, family) for name, config in PRESETS.items() for family in config.families]
)
def test_every_network_is_recognised_by_its_shapes(tmp_path, preset, family):
    save_shapes(preset, family, tmp_path / "weights.pt")
    checkpoint = read_checkpoint(tmp_path / "weights.pt", preset, dtype=None)
    assert (checkpoint.family, checkpoint.preset) == (family, preset)
    assert match_report(checkpoint.tensors, network_config(preset, family)).complete


@pytest.mark.parametrize(
    ("name", "known", "preset"),
    [
        ("sam_vit_b_01ec64.pth", {}, "sam_vit_b"),
        ("medsam_vit_b.pth", {}, "medsam"),
        ("medsam_model_best.pth", {}, "medsam"),
        ("mine.pth", {"family": "medsam"}, "medsam"),
        ("mine.pth", {"preset": "sam_vit_b"}, "sam_vit_b"),
        ("medsam_vit_b.pth", {"family": "sam"}, "sam_vit_b"),
    ],
)
def test_the_name_or_the_caller_tells_medsam_from_sam(tmp_path, name, known, preset):
    save_shapes("sam_vit_b", "sam", tmp_path / name)
    assert read_checkpoint(tmp_path / name, dtype=None, **known).preset == preset


def test_a_file_of_sam_or_of_medsam_is_not_guessed(tmp_path):
    save_shapes("sam_vit_b", "sam", tmp_path / "mine.pth")
    with pytest.raises(InputError, match=r"of sam or medsam.*--family sam or --family medsam"):
        read_checkpoint(tmp_path / "mine.pth", dtype=None)


def test_lite_medsam_for_scribbles_is_refused_by_its_name(tmp_path):
    save_shapes("lite_medsam", "litemedsam", tmp_path / "medsam_lite_scribble.pth")
    with pytest.raises(
        InputError, match="scribbles, which answers neither clicks nor boxes; take the weights"
    ):
        read_checkpoint(tmp_path / "medsam_lite_scribble.pth")


def test_sam_for_images_of_another_size_is_refused(tmp_path):
    config = network_config("sam_vit_b")
    with torch.device("meta"):
        state = build_network(replace(config, image_size=256)).state_dict()
    with torch.serialization.skip_data():
        torch.save({name: torch.empty(tensor.shape) for name, tensor in state.items()}, tmp_path / "x.pth")
    with pytest.raises(InputError, match=r"pos_embed', whose shape is \(1, 16, 16, 768\) rather than"):
        read_checkpoint(tmp_path / "x.pth", dtype=None)


def test_a_preset_that_does_not_fit_is_refused(starter_file):
    with pytest.raises(InputError, match="holds the network starter, not large"):
        read_checkpoint(starter_file, "large")


class Code:
    def __reduce__(self):
        return (open, ("ran", "w"))


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("thing", [Code(), argparse.Namespace(lr=1)], ids=["code", "object"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path, monkeypatch, starter_state, zipped, thing):
    monkeypatch.chdir(tmp_path)
    torch.save({"model": starter_state, "extra": thing}, "bad.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(InputError, match="could run code"):
        read_checkpoint("bad.pt")
    assert not (tmp_path / "ran").exists()


def test_a_plain_pickle_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pth").write_bytes(pickle.dumps(Code()))
    with pytest.raises(InputError, match="could run code"):
        read_checkpoint("bad.pth")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_truncated_file_is_refused(tmp_path, starter_state, kind, kept):
    path = tmp_path / ("w.safetensors" if kind == "safetensors" else "w.pt")
    if kind == "safetensors":
        save_file(starter_state, path)
    else:
        torch.save(starter_state, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(InputError, match=r"incomplete|is empty"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(3)], "no plain table of tensors"),
        ({"model": {"a": torch.zeros(3), "b": 3}}, "no plain table of tensors"),
        ({}, "no network that is known here"),
        ({"image_encoder.pos_embed": torch.zeros(1)}, "no network that is known here"),
        ({"image_encoder.trunk.patch_embed.proj.weight": torch.zeros(96, 3, 7, 7)}, "width 96 with 0 blocks"),
        ({"image_encoder.trunk.patch_embed.proj.weight": torch.zeros(4, dtype=torch.int8)}, "int8"),
    ],
)
def test_other_tensors_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(InputError, match=message):
        read_checkpoint(tmp_path / "other.pt")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no checkpoint file"):
        read_checkpoint(tmp_path / "absent.pt")
    with pytest.raises(InputError, match="There is no checkpoint file"):
        read_checkpoint(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_path_that_is_not_utf8_is_read(tmp_path, starter_state, suffix):
    plain = tmp_path / f"weights{suffix}"
    save_file(starter_state, plain) if suffix == ".safetensors" else torch.save(starter_state, plain)
    path = plain.rename(tmp_path / (os.fsdecode(b"caf\xe9") + suffix))
    assert same(read_checkpoint(path).tensors, starter_state)
