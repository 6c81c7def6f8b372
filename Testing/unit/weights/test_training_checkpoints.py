"""Checkpoints of somebody's training, as SAM-Med2D's is one: the tensors are read, and nothing is run.

The hostile ones are pickles written instruction by instruction, as no honest program writes them.
"""

import pickle
import struct

import pytest
import torch

from medsam2.errors import InputError
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.importing import import_weights
from unit.weights.examples import LARGE, all_refused, archive


def trained(state):
    """What SAM-Med2D's training saves: the table, the optimiser itself, after a step, and an epoch."""
    parameter = torch.nn.Parameter(torch.zeros(50, 40))
    optimiser = torch.optim.Adam([parameter], lr=1e-4)
    parameter.grad = torch.ones(50, 40)
    optimiser.step()
    return {"model": state, "optimizer": optimiser, "epoch": 3, "loss": 0.25}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_the_tensors_beside_an_optimiser_are_read_and_imported(tmp_path, starter_state, zipped):
    path = tmp_path / "sam-med2d_b.pth"
    torch.save(trained(starter_state), path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    kept = read_checkpoint(import_weights(path, "mine").path).tensors
    assert kept.keys() == starter_state.keys()
    assert all(torch.equal(kept[name], starter_state[name]) for name in kept)


def test_only_the_table_of_the_network_is_made(tmp_path, starter_state, monkeypatch):
    made = []
    views = torch.Tensor.as_strided
    torch.save(trained(starter_state), tmp_path / "trained.pth")
    monkeypatch.setattr(torch.Tensor, "as_strided", lambda *a: made.append(a[1]) or views(*a))
    monkeypatch.setattr(torch.optim.Adam, "__setstate__", lambda *a: pytest.fail("the optimiser was made"))
    read_checkpoint(tmp_path / "trained.pth")
    assert len(made) == len(starter_state)


def text(word: str) -> bytes:
    return b"X" + struct.pack("<I", len(word)) + word.encode()


def named(path: str) -> bytes:
    module, _, name = path.rpartition(".")
    return f"c{module}\n{name}\n".encode()


def table(value: bytes) -> bytes:
    """``{"model": {"x": value}}``"""
    return b"\x80\x02}" + text("model") + b"}" + text("x") + value + b"ss."


def storage(
    kind: str = "torch.FloatStorage",
    key: bytes = b"X\x01\x00\x00\x000",
    count: bytes = b"K\x01",
    words: bytes = b"X\x07\x00\x00\x00storage",
    more: bytes = b"",
) -> bytes:
    return b"(" + words + named(kind) + key + text("cpu") + count + more + b"tQ"


def tensor(of: bytes, offset=b"K\x00", shape=b"K\x01\x85", strides=b"K\x01\x85") -> bytes:
    return named("torch._utils._rebuild_tensor_v2") + b"(" + of + offset + shape + strides + b"\x89NtR"


TOUCH = text("touch ran")
CODE = {
    "system": named("os.system") + TOUCH + b"\x85R",
    "posix": named("posix.system") + TOUCH + b"\x85R",
    "eval": named("__builtin__.eval") + text("open('ran', 'w')") + b"\x85R",
    "getattr": named("builtins.getattr") + named("os") + text("system") + b"\x86R" + TOUCH + b"\x85R",
    "below an allowed name": named("torch.optim.os.system") + TOUCH + b"\x85R",
    "called without its name": text("os.system") + TOUCH + b"\x85R",
    "in the state of an optimiser": named("torch.optim.adam.Adam") + b")\x81" + named("os.system") + b"b",
    "made by __setstate__": named("torch.optim.lr_scheduler.LambdaLR")
    + b")\x81}"
    + text("a")
    + TOUCH
    + b"sb",
    "instance": b"(" + TOUCH + b"ios\nsystem\n",
    "object": b"(" + named("os.system") + TOUCH + b"o",
    "default maker": named("collections.defaultdict") + named("os.system") + b"\x85R",
    "hooks of a tensor": tensor(storage())[:-3] + named("os.system") + b"tR",
    "newer name": text("os") + text("system") + b"\x93" + TOUCH + b"\x85R",
    "with keywords": named("torch.optim.adam.Adam") + b")}\x92",
    "extension": b"\x82\x01",
    "persistent text": b"Pos.system\n",
}


@pytest.mark.parametrize("value", CODE.values(), ids=CODE)
def test_what_a_file_asks_to_be_run_is_never_run(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    for name, content in (
        ("value", table(value)),
        ("beside", b"\x80\x02}" + text("optimizer") + value + b"s."),
    ):
        with pytest.raises(InputError, match=rf"^'{name}.pt' (holds|is no)"):
            read_checkpoint(archive(tmp_path / f"{name}.pt", content))
    assert not (tmp_path / "ran").exists()


def test_the_refusal_says_what_was_found_and_not_in_the_file_s_own_bytes(tmp_path):
    for number, (value, found) in enumerate(
        [
            (CODE["system"], r"\(os\.system\), which could run code"),
            (CODE["eval"], r"\(__builtin__\.eval\)"),
            (CODE["instance"], r"\(INST os system\)"),
            (b"c\x1b]0;owned\x07\nx\n)R", r"\(\\x1b\]0;owned\\x07\.x\)"),
            (named("a" * 3000 + ".b") + b")R", r"\(a{60}\)"),
        ]
    ):
        with pytest.raises(InputError, match=found):
            read_checkpoint(archive(tmp_path / f"{number}.pt", table(value)))


BEYOND = {
    "a larger storage than the file has": tensor(storage(count=LARGE), shape=LARGE + b"\x85"),
    "a storage that is not there": tensor(storage(key=text("9"))),
    "a negative count": tensor(storage(count=b"J\xff\xff\xff\xff")),
    "a count that is text": tensor(storage(count=text("1"))),
    "a key that is a list": tensor(storage(key=b"]")),
    "a key of tuples in tuples": tensor(storage(key=b")" + b"\x85" * 100_000)),
    "a reference that is a text": tensor(text("storage") + b"Q"),
    "a reference to nothing": tensor(b"NQ"),
    "a reference of another kind": tensor(storage(words=text("module"))),
    "a short reference": tensor(b"(" + text("storage") + b"tQ"),
    "a view of a view": tensor(storage(more=b"K\x01")),
    "a storage of a kind that is none": tensor(storage(kind="torch.EvilStorage")),
    "a storage without a name": tensor(b"(" + text("storage") * 2 + text("0") + text("cpu") + b"K\x01tQ"),
    "a negative offset": tensor(storage(), offset=b"J\xff\xff\xff\xff"),
    "an offset beyond the end": tensor(storage(), offset=b"K\x01"),
    "a negative stride": tensor(storage(), shape=b"K\x02\x85", strides=b"J\xff\xff\xff\xff\x85"),
    "a stride beyond the end": tensor(storage(), shape=b"K\x02\x85", strides=LARGE + b"\x85"),
    "a negative side": tensor(storage(), shape=b"J\xff\xff\xff\xff\x85"),
    "another number of strides": tensor(storage(), strides=b")"),
    "a shape that is a text": tensor(storage(), shape=text("ab"), strides=text("ab")),
    "a shape of true": tensor(storage(), shape=b"\x88\x85"),
    "a hundred dimensions": tensor(
        storage(), shape=b"(" + b"K\x01" * 100 + b"t", strides=b"(" + b"K\x01" * 100 + b"t"
    ),
    "no arguments": named("torch._utils._rebuild_tensor_v2") + b")R",
    "arguments that are none": named("torch._utils._rebuild_tensor_v2") + b"NR",
    "a parameter of nothing": named("torch._utils._rebuild_parameter") + b")R",
    "nothing to fetch": b"h\x63",
    "nothing on the stack": b"0000",
    "a group without a beginning": b"t",
}


def test_tensors_beyond_the_file_s_numbers_are_refused(tmp_path):
    for name, value in BEYOND.items():
        archive(tmp_path / f"{name}.pt", table(value))
    all_refused(tmp_path, "incomplete|could run code|plain table")


def test_large_values_made_of_few_bytes_cost_nothing(tmp_path):
    few = b"\x80\x02" + b"N\x85" + b"q\x00" + b"(" + b"h\x00" * 10 + b"t"
    tenfold = b"".join(b"q" + bytes([n]) + b"(" + (b"h" + bytes([n])) * 10 + b"t" for n in range(1, 60))
    archive(tmp_path / "laughs.pt", few + tenfold + b".")
    archive(tmp_path / "laughing keys.pt", b"\x80\x02}" + (few + tenfold)[2:] + b"Ns.")
    archive(tmp_path / "long number.pt", b"\x80\x02\x8b\xff\xff\xff\x7f1.")
    archive(tmp_path / "long text.pt", b"\x80\x02X\xff\xff\xff\x7fa.")
    archive(tmp_path / "far memo.pt", b"\x80\x02Nr\xff\xff\xff\xff0.")
    archive(tmp_path / "deep.pt", table(b"(" * 100_000 + b"t" * 100_000))
    archive(tmp_path / "calls.pt", table(named("torch.Size") + b")R" + b")R" * 100_000))
    archive(tmp_path / "dictionaries.pt", table((b"}" + text("a")) * 50_000 + b"N" + b"s" * 50_000))
    all_refused(tmp_path, "incomplete|could run code|plain table")


def test_a_storage_of_two_number_formats_is_refused(tmp_path):
    halves = tensor(storage("torch.HalfStorage"))
    both = table(tensor(storage()))[:-2] + text("y") + halves + b"ss."
    with pytest.raises(InputError, match="incomplete"):
        read_checkpoint(archive(tmp_path / "two formats.pt", both))


def test_an_older_file_with_a_false_count_is_refused(tmp_path, starter_state):
    path = tmp_path / "old.pt"
    torch.save({"model": {"x": torch.arange(5.0)}}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    for count in (0, 4, 2**20, 2**63):
        path.write_bytes(content[: -(5 * 4 + 8)] + struct.pack("<Q", count) + content[-5 * 4 :])
        with pytest.raises(InputError, match="incomplete"):
            read_checkpoint(path)
