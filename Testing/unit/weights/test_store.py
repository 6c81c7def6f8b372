import pytest
import torch
from safetensors.torch import save_file

from medsam2.errors import InputError
from medsam2.weights.catalogue import find_entry
from medsam2.weights.checkpoint import read_checkpoint
from medsam2.weights.importing import import_weights
from medsam2.weights.store import (
    checksum_file,
    disk_use,
    find_stored,
    installed,
    locate,
    remove,
    weights_folder,
)


def test_the_folder_follows_the_environment(home, monkeypatch):
    assert weights_folder() == home / "weights"
    monkeypatch.delenv("MEDSAM2_HOME")
    assert weights_folder().parts[-2:] != ("home", "weights")
    assert weights_folder().name == "weights"


def test_import_keeps_tensors_and_format_and_tells_the_network(tmp_path, starter_state):
    half = {name: tensor.half() for name, tensor in starter_state.items()}
    torch.save({"model": half}, tmp_path / "trained.pt")
    stored = import_weights(tmp_path / "trained.pt", "mine")
    assert stored.path == weights_folder() / "mine.safetensors"
    checkpoint = read_checkpoint(stored.path, dtype=None)
    assert checkpoint.stored_dtype == "float16"
    assert checkpoint.metadata == {"family": "sam2.1", "preset": "starter"}
    assert all(torch.equal(checkpoint.tensors[name], half[name]) for name in half)
    assert locate("mine") == stored
    assert stored in installed()
    assert disk_use() == stored.size_bytes + checksum_file(stored.path).stat().st_size


def test_import_keeps_the_given_preset(tmp_path, tiny21_state):
    torch.save(tiny21_state, tmp_path / "tuned.pt")
    assert (
        read_checkpoint(import_weights(tmp_path / "tuned.pt", "tuned", "tiny_512").path).preset == "tiny_512"
    )


def test_a_file_fetched_by_other_means_takes_its_catalogue_name(tmp_path, tiny21_state):
    torch.save({"model": tiny21_state}, tmp_path / "renamed.pt")
    with pytest.raises(InputError, match=r"network sam2.1 tiny, not one of sam2.0"):
        import_weights(tmp_path / "renamed.pt", "medsam-2-pretrain")
    import_weights(tmp_path / "renamed.pt", "medsam2-2411")
    stored = locate("medsam2-2411")
    assert stored.entry == find_entry("medsam2-2411")
    assert read_checkpoint(stored.path).preset == "tiny_512"


def test_a_file_called_as_another_of_the_same_tensors_takes_no_wrong_name(tmp_path, tiny21_state):
    torch.save(tiny21_state, tmp_path / "sam2.1_hiera_tiny (1).pt")
    with pytest.raises(InputError, match=r"called as the file of 'sam2.1-tiny', not of 'medsam2-2411'"):
        import_weights(tmp_path / "sam2.1_hiera_tiny (1).pt", "medsam2-2411")
    import_weights(tmp_path / "sam2.1_hiera_tiny (1).pt", "medsam2-2411", "tiny_512")


def test_what_a_file_says_of_itself_goes_before_the_name_it_is_given(tmp_path, tiny21_state):
    exported = {"family": "sam2.1", "preset": "tiny_512"}
    save_file(tiny21_state, tmp_path / "exported.safetensors", exported)
    with pytest.raises(InputError, match=r"holds the network sam2.1 tiny_512, but 'sam2.1-tiny'"):
        import_weights(tmp_path / "exported.safetensors", "sam2.1-tiny")
    foreign = {"family": "vit", "preset": "fast"}
    save_file(tiny21_state, tmp_path / "foreign.safetensors", foreign)
    import_weights(tmp_path / "foreign.safetensors", "sam2.1-tiny")


def test_a_family_that_the_tensors_are_not_of_is_no_question(tmp_path, starter_state):
    torch.save(starter_state, tmp_path / "tuned.pt")
    with pytest.raises(InputError, match=r"sam2.1 starter, not one of medsam; choose another"):
        import_weights(tmp_path / "tuned.pt", "mine", family="medsam")


@pytest.mark.parametrize("name", ["../mine", "", ".hidden", "a/b", "mine.pt", "m" * 101, "m" * 300])
def test_import_refuses_names_that_are_no_names(starter_file, name):
    with pytest.raises(InputError, match="cannot be a name"):
        import_weights(starter_file, name)


def test_import_refuses_taken_names(starter_file):
    with pytest.raises(InputError, match="ship with the package"):
        import_weights(starter_file, "starter")
    import_weights(starter_file, "mine")
    with pytest.raises(InputError, match="There are weights 'mine' already"):
        import_weights(starter_file, "mine")


def test_a_refused_import_leaves_nothing(tmp_path, starter_state, home):
    del (state := dict(starter_state))["no_mem_embed"]
    torch.save(state, tmp_path / "partial.pt")
    with pytest.raises(InputError, match="only partly"):
        import_weights(tmp_path / "partial.pt", "mine")
    assert not home.exists()


def test_an_import_stopped_at_its_checksum_leaves_nothing(starter_file, monkeypatch):
    def stop(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("pooch.file_hash", stop)
    with pytest.raises(KeyboardInterrupt):
        import_weights(starter_file, "mine")
    assert list(weights_folder().iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(starter_file, monkeypatch):
    monkeypatch.setenv("MEDSAM2_HOME", str(starter_file))
    with pytest.raises(InputError, match="MEDSAM2_HOME"):
        import_weights(starter_file, "mine")


def test_remove_deletes_the_file_and_its_checksum(starter_file):
    stored = import_weights(starter_file, "mine")
    size = stored.size_bytes
    assert remove("mine") == size
    assert list(weights_folder().iterdir()) == []
    assert find_stored("mine") is None
    with pytest.raises(InputError, match="No weights 'mine' are installed"):
        remove("mine")


def test_remove_never_leaves_the_store(tmp_path, starter_file):
    stored = import_weights(starter_file, "mine")
    outside = stored.path.rename(tmp_path / "mine.safetensors")
    checksum_file(stored.path).rename(checksum_file(outside))
    for name in (str(tmp_path / "mine"), "../../mine"):
        with pytest.raises(InputError, match="are installed"):
            remove(name)
    assert outside.is_file()


def test_the_shipped_weights_stay(tmp_path, monkeypatch, starter_file):
    (tmp_path / "weights").mkdir()
    shipped = tmp_path / "weights" / "starter.safetensors"
    shipped.write_bytes(starter_file.read_bytes())
    monkeypatch.setattr("medsam2.weights.store.resource_path", lambda name: tmp_path / name)
    assert locate("starter").path == shipped
    with pytest.raises(InputError, match="ship with the package and stay"):
        remove("starter")
    assert shipped.is_file()
    shipped.unlink()
    with pytest.raises(InputError, match="missing from the package"):
        locate("starter")


def test_a_file_that_changed_after_it_came_in_is_refused(starter_file):
    stored = import_weights(starter_file, "mine")
    content = bytearray(stored.path.read_bytes())
    content[-1] ^= 1
    stored.path.write_bytes(content)
    with pytest.raises(InputError, match=r"has changed since it was installed.*weights remove mine"):
        locate("mine")


@pytest.mark.parametrize("record", [b"", b"\n", b" \n\n", b"\xff\xfe", b"0" * 64])
def test_a_damaged_record_of_the_checksum_is_told(starter_file, record):
    stored = import_weights(starter_file, "mine")
    checksum_file(stored.path).write_bytes(record)
    with pytest.raises(InputError, match=r"has changed since it was installed.*weights remove mine"):
        locate("mine")
    remove("mine")
    import_weights(starter_file, "mine")
    assert locate("mine")


@pytest.mark.parametrize("length", [101, 256, 300, 5000])
@pytest.mark.parametrize("ending", ["", ".pt", ".safetensors", "/x"])
def test_a_name_too_long_for_a_file_is_told(length, ending):
    with pytest.raises(InputError, match=r"no weights called|no checkpoint file"):
        locate("m" * length + ending)
    with pytest.raises(InputError, match="are installed"):
        remove("m" * length + ending)
    with pytest.raises(InputError, match="no checkpoint file"):
        read_checkpoint("m" * length + ending)


def test_the_longest_name_can_be_used(starter_file):
    import_weights(starter_file, "m" * 100)
    assert locate("m" * 100)


def test_a_home_that_does_not_exist_is_told(starter_file, monkeypatch):
    monkeypatch.setenv("MEDSAM2_HOME", "~nobody-of-that-name/weights")
    assert find_stored("mine") is None


def test_a_file_without_its_checksum_is_not_installed(starter_file):
    stored = import_weights(starter_file, "mine")
    checksum_file(stored.path).unlink()
    assert find_stored("mine") is None
    assert stored not in installed()


def test_locate_takes_files_and_says_what_is_missing(starter_file):
    assert locate(starter_file).path == starter_file
    with pytest.raises(InputError, match=r"There is no checkpoint file 'nowhere.pt'"):
        locate("nowhere.pt")
    with pytest.raises(
        InputError, match=r"Slicer's module MedSAM2 or with 'medsam2 weights download sam2.1-tiny'"
    ):
        locate("sam2.1-tiny")
    with pytest.raises(InputError, match=r"no weights called 'sam2.1-tny'.*sam2.1-tiny"):
        locate("sam2.1-tny")
