"""What is no checkpoint, or one of another network, is refused in a sentence that says what it is."""

import io
import re
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from medsam2.errors import InputError
from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.importing import import_weights
from medsam2.weights.matching import require_match


def zipped(compression: int) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as file:
        file.writestr("weights/readme.txt", "see the other file")
    return packed.getvalue()


OTHERS = {
    "empty": (b"", "is empty"),
    "page": (b"<!DOCTYPE html>\n<html>Google Drive - Virus scan warning</html>", "is a web page"),
    "old page": (b"\r\n<HTML><body>404", "is a web page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
    "onnx": (b"\x08\x07\x12\x07pytorch\x1a\x051.13\x3a\xff", "is an ONNX model"),
    "gzip": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "unpack it"),
    "zip": (zipped(zipfile.ZIP_STORED), "is a zip archive"),
    "packed zip": (zipped(zipfile.ZIP_DEFLATED), "is a zip archive"),
    "keras": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "text": (b"see the readme", "not a checkpoint|no safetensors file"),
}


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(("content", "says"), OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_kind_is_named(tmp_path, content, says, suffix):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    if path.suffix == ".safetensors" and content[:2] == b"PK":
        says = "no safetensors file"
    assert_refused(path, says)


def assert_refused(path, says: str) -> None:
    with pytest.raises(InputError) as refused:
        read_checkpoint(path)
    sentence = str(refused.value)
    assert sentence.startswith(f"'{path.name}' ")
    assert re.search(says, sentence), sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def resnet() -> dict[str, torch.Tensor]:
    """The first tensors of torchvision's ResNet, with a count that is no floating-point number."""
    state = {"conv1.weight": torch.zeros(64, 3, 7, 7), "bn1.running_mean": torch.zeros(64)}
    return state | {"bn1.num_batches_tracked": torch.tensor(3), "fc.weight": torch.zeros(10, 512)}


def diffusers() -> dict[str, torch.Tensor]:
    return {
        "down_blocks.0.attentions.0.norm.weight": torch.zeros(320),
        "conv_in.weight": torch.zeros(320, 4, 3, 3),
    }


@pytest.mark.parametrize(
    ("network", "says"), [(resnet, r"4 tensors, the first called '(bn1|conv1)"), (diffusers, "2 tensors")]
)
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_networks_of_other_projects_are_named_by_their_tensors(tmp_path, network, says, suffix):
    path = tmp_path / f"other{suffix}"
    save_file(network(), path) if suffix == ".safetensors" else torch.save(network(), path)
    assert_refused(path, f"holds {says}.*no network that is known")


def test_the_name_of_a_foreign_tensor_does_nothing_to_the_terminal(tmp_path):
    torch.save({"\x1b[2J" + 500 * "x": torch.zeros(3)}, tmp_path / "other.pt")
    with pytest.raises(InputError) as refused:
        read_checkpoint(tmp_path / "other.pt")
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 300


def save_holes(preset: str, path, left_out: str = "nothing") -> None:
    """A checkpoint that takes no space, the numbers being a hole in the file."""
    with torch.device("meta"):
        state = build_network(network_config(preset)).state_dict()
    with torch.serialization.skip_data():
        kept = {name: tensor for name, tensor in state.items() if not name.startswith(left_out)}
        torch.save(
            {name: torch.empty(tensor.shape, dtype=tensor.dtype) for name, tensor in kept.items()}, path
        )


def test_a_checkpoint_without_its_decoder_is_partial(tmp_path):
    save_holes("lite_medsam", tmp_path / "half.pth", left_out="mask_decoder")
    checkpoint = read_checkpoint(tmp_path / "half.pth")
    with pytest.raises(
        InputError, match=r"litemedsam lite_medsam only partly \(315 tensors match, 120 are missing"
    ):
        require_match(checkpoint, "half.pth")


def test_a_file_of_another_network_than_the_list_says_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSAM2_HOME", str(tmp_path / "home"))
    save_holes("lite_medsam", tmp_path / "mobile_sam.pt")
    with pytest.raises(InputError, match=r"'mobile_sam\.pt' holds the network .*lite_medsam, not .*tiny"):
        import_weights(tmp_path / "mobile_sam.pt", "sam2.1-tiny")
    assert not (tmp_path / "home" / "weights" / "sam2.1-tiny.safetensors").exists()


def test_an_array_file_is_no_checkpoint(tmp_path):
    np.savez(tmp_path / "case.npz", imgs=np.zeros((2, 2)))
    assert_refused(tmp_path / "case.npz", "is a zip archive")
