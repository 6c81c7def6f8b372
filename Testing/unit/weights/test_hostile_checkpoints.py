"""Checkpoint files made to hang, fill the memory, crash or run code are refused in one sentence."""

import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from medsam2.errors import InputError
from medsam2.weights.checkpoint import read_checkpoint
from unit.weights.examples import LARGE, all_refused, archive

NO_NETWORK = "no plain table of tensors|no network that is known here"
PATCH_EMBEDDING = "image_encoder.trunk.patch_embed.proj.weight"
PATCHES = torch.zeros(48, 3, 7, 7)


def rewritten(path: Path, old: bytes, new: bytes) -> None:
    """Exchange bytes in the table of an archive."""
    with zipfile.ZipFile(path) as file:
        members = {name: file.read(name) for name in file.namelist()}
    table = next(name for name in members if name.endswith("data.pkl"))
    assert members[table].count(old) == 1
    members[table] = members[table].replace(old, new)
    with zipfile.ZipFile(path, "w") as file:
        for name, member in members.items():
            file.writestr(name, member)


def nested_tuples(depth: int) -> bytes:
    """A table whose key is a tuple in a tuple in a tuple …; its hash is taken when the table is built."""
    return b"\x80\x02}" + b")" + b"\x85" * depth + b"K\x01s."


def nested_through_the_memo(depth: int) -> bytes:
    """The same, each tuple put aside and fetched again."""
    steps = b"".join(
        b"r" + struct.pack("<I", n) + b"0j" + struct.pack("<I", n) + b"\x85" for n in range(depth)
    )
    return b"\x80\x02})" + steps + b"K\x01s."


@pytest.mark.parametrize("key", ["model", "state_dict"])
def test_a_table_that_holds_itself_ends(tmp_path, key):
    table = {}
    table[key] = table
    torch.save(table, tmp_path / "ring.pt")
    with pytest.raises(InputError, match=NO_NETWORK):
        read_checkpoint(tmp_path / "ring.pt")


def test_two_tables_that_hold_each_other_end(tmp_path):
    one, other = {}, {}
    one["model"], other["state_dict"] = other, one
    torch.save(one, tmp_path / "ring.pt")
    with pytest.raises(InputError, match=NO_NETWORK):
        read_checkpoint(tmp_path / "ring.pt")


def test_tables_in_tables_end(tmp_path):
    level = b"}X\x05\x00\x00\x00model"
    for count in (3, 100, 50_000):
        archive(tmp_path / f"{count}.pt", b"\x80\x02" + level * count + b"}" + b"s" * count + b".")
    all_refused(tmp_path, NO_NETWORK)


SMALL_SEEN_AS_LARGE = {
    "stride 0": lambda: {PATCH_EMBEDDING: torch.zeros(1).expand(60_000, 3, 200, 200)},
    "one stride 0": lambda: {PATCH_EMBEDDING: torch.zeros(1, 3, 7, 7).expand(9_000_000, 3, 7, 7)},
    "overlapping": lambda: {
        PATCH_EMBEDDING: torch.zeros(60_000).as_strided((30_000, 30_000, 1, 1), (1, 1, 1, 1))
    },
    "shared by many": lambda: {f"x{n}": share for share in [torch.zeros(2_000_000)] for n in range(1000)},
    "in halves": lambda: {PATCH_EMBEDDING: torch.zeros(1).half().expand(60_000, 3, 200, 200)},
}


def test_few_numbers_seen_as_many_are_refused(tmp_path):
    for name, make in SMALL_SEEN_AS_LARGE.items():
        for zipped in (True, False):
            torch.save(
                {"model": make()}, tmp_path / f"{name} {zipped}.pt", _use_new_zipfile_serialization=zipped
            )
    all_refused(tmp_path, "larger tensors than the file has numbers for")


def test_compressed_members_are_refused_and_not_unpacked(tmp_path):
    torch.save({"model": {PATCH_EMBEDDING: PATCHES}}, tmp_path / "small.pt")
    with zipfile.ZipFile(tmp_path / "small.pt") as file:
        members = {name: file.read(name) for name in file.namelist()}
    with zipfile.ZipFile(tmp_path / "small.pt", "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    archive(tmp_path / "table.pt", b"\x80\x02" + bytes(300_000_000), compression=zipfile.ZIP_DEFLATED)
    all_refused(tmp_path, "is compressed")


DEEP = {
    "tuples": nested_tuples(200_000),
    "tuples through the memo": nested_through_the_memo(60_000),
    "few tuples": nested_tuples(1000),
    "endless": b"\x80\x02" + b"N0" * 2_000_000 + b"N.",
    "lists": b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".",
}


def test_deep_and_endless_pickles_are_refused_without_a_crash(tmp_path):
    for name, table in DEEP.items():
        archive(tmp_path / f"{name}.pt", table)
    all_refused(tmp_path, "far more than the tensors|could run code|no plain table")


def call(module: str, name: str, arguments: bytes) -> bytes:
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R."


CALLS = {
    "bytearray": call("builtins", "bytearray", LARGE + b"\x85"),
    "bytearray of old": call("__builtin__", "bytearray", LARGE + b"\x85"),
    "text": call("_codecs", "encode", b"X\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8\x86"),
    "system": call("os", "system", b"X\x09\x00\x00\x00touch ran\x85"),
    "posix": call("posix", "system", b"X\x09\x00\x00\x00touch ran\x85"),
    "counter": call("collections", "Counter", b")"),
    "sparse": call("torch._utils", "_rebuild_sparse_tensor", b")"),
    "nested": call("torch._utils", "_rebuild_nested_tensor", b")"),
    "meta": call("torch._utils", "_rebuild_meta_tensor_no_storage", b")"),
    "hub": call("torch.hub", "load", b")"),
    "new name": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x09touch ran\x85R.",
    "instance": b"(iposix\nsystem\n.",
    "extension": b"\x80\x02\x82\x01.",
}


@pytest.mark.parametrize("table", CALLS.values(), ids=CALLS)
def test_only_makers_of_tensors_may_be_called(tmp_path, monkeypatch, table):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="could run code"):
        read_checkpoint(archive(tmp_path / "calls.pt", table))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_tensors_of_other_kinds_are_refused(tmp_path, zipped):
    dense = PATCHES.clone()
    kinds = {
        "sparse": dense.to_sparse(),
        "nested": torch.nested.nested_tensor([dense, dense]),
        "meta": dense.to("meta"),
        "quantised": torch.quantize_per_tensor(dense, 0.1, 0, torch.qint8),
    }
    for name, tensor in kinds.items():
        torch.save({PATCH_EMBEDDING: tensor}, tmp_path / f"{name}.pt", _use_new_zipfile_serialization=zipped)
        with pytest.raises(InputError, match=r"could run code|incomplete|numbers"):
            read_checkpoint(tmp_path / f"{name}.pt")


@pytest.mark.parametrize("shape", [(), (48,), (48, 3, 7), (48, 3, 7, 7, 1), (0, 3, 7, 7), (0,)])
def test_a_patch_embedding_of_another_shape_is_no_network(tmp_path, shape):
    for suffix in (".pt", ".safetensors"):
        path = tmp_path / f"odd{suffix}"
        table = {PATCH_EMBEDDING: torch.zeros(shape)}
        torch.save(table, path) if suffix == ".pt" else save_file(table, path)
        with pytest.raises(InputError, match=r"no network that is known here|no known size"):
            read_checkpoint(path)


def test_a_table_whose_methods_are_hidden_is_read_as_the_table_it_is(tmp_path, starter_state):
    table = OrderedDict(starter_state)
    table.itemz = 3
    torch.save(table, tmp_path / "hidden.pt")
    rewritten(tmp_path / "hidden.pt", b"itemz", b"items")
    assert read_checkpoint(tmp_path / "hidden.pt").preset == "starter"


def test_an_optimiser_beside_the_weights_does_no_harm(tmp_path, starter_state):
    """What people keep in checkpoints of their own training: numbers, text, tables, a random state."""
    extra = {
        "epoch": 3,
        "loss": [0.5, float("nan")],
        "optimizer": {
            "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(4)}},
            "param_groups": [{"lr": 1e-3}],
        },
        "rng": torch.get_rng_state(),
        "dtype": torch.float16,
        "size": torch.Size((3, 4)),
        "device": torch.device("cpu"),
        "parameter": torch.nn.Parameter(torch.zeros(2)),
        "big": 2**60,
    }
    for zipped in (True, False):
        path = tmp_path / "mine.pt"
        torch.save({"model": starter_state, **extra}, path, _use_new_zipfile_serialization=zipped)
        assert read_checkpoint(path).preset == "starter"


def test_a_torchscript_program_is_refused(tmp_path):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)), tmp_path / "program.pt")
    with pytest.raises(InputError, match="could run code"):
        read_checkpoint(tmp_path / "program.pt")


def test_two_tables_in_one_archive_are_refused(tmp_path):
    """Two readers of a zip may disagree on which of two members of one name counts."""
    with zipfile.ZipFile(tmp_path / "two.pt", "w") as file:
        file.writestr("archive/data.pkl", b"\x80\x02}.")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("archive/data.pkl", CALLS["system"])
    with pytest.raises(InputError, match="damaged"):
        read_checkpoint(tmp_path / "two.pt")


def test_a_storage_larger_than_the_file_is_refused(tmp_path):
    torch.save({PATCH_EMBEDDING: PATCHES}, tmp_path / "short.pt")
    count, more = b"M" + struct.pack("<H", PATCHES.numel()), b"J" + struct.pack("<i", 2**31 - 1)
    rewritten(tmp_path / "short.pt", count, more)
    all_refused(tmp_path, "incomplete|larger tensors")


@pytest.mark.skipif(sys.platform != "linux", reason="reads a file of Linux that answers with an error")
def test_a_file_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "link.pt").symlink_to("/proc/self/mem")
    (tmp_path / "link.safetensors").symlink_to("/proc/self/mem")
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match=r"cannot be read|incomplete"):
            read_checkpoint(path)


def test_pickles_of_every_protocol_run_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    class Code:
        def __reduce__(self):
            return (open, ("ran", "w"))

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "bad.pt").write_bytes(pickle.dumps(Code(), protocol))
        with pytest.raises(InputError):
            read_checkpoint("bad.pt")
        with pytest.raises(InputError, match="could run code"):
            read_checkpoint(archive(tmp_path / "zipped.pt", pickle.dumps(Code(), protocol)))
    assert not (tmp_path / "ran").exists()
