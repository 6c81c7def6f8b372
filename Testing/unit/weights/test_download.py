import dataclasses
import hashlib
import socket
import sys

import pytest

from medsam2.errors import InputError, VolumeWarning
from medsam2.weights import catalogue as catalogue_module
from medsam2.weights.catalogue import CatalogueEntry, find_entry
from medsam2.weights.download import download
from medsam2.weights.importing import import_weights
from medsam2.weights.store import checksum_file, find_stored, locate, weights_folder


@pytest.fixture
def entry(file_server, monkeypatch) -> CatalogueEntry:
    """A catalogue entry whose file the local server has."""
    made = dataclasses.replace(
        find_entry("starter"),
        name="served",
        shipped=False,
        url=file_server.url,
        page="https://weights.example.org",
        size_bytes=len(file_server.content),
        filename="served.pt",
    )
    known = catalogue_module._read_catalogue()
    monkeypatch.setattr(catalogue_module, "_read_catalogue", lambda: (*known, made))
    return made


def stored_files():
    return sorted(path.name for path in weights_folder().iterdir())


def test_a_download_is_whole_recorded_and_not_repeated(file_server, entry):
    seen = []
    stored = download(entry, lambda done, total: seen.append((done, total)))
    size = len(file_server.content)
    assert stored.path.read_bytes() == file_server.content
    assert stored_files() == ["served.pt", "served.pt.sha256"]
    assert hashlib.sha256(file_server.content).hexdigest() in checksum_file(stored.path).read_text()
    assert seen[0] == (0, size)
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert download(entry) == stored == locate("served")
    assert len(file_server.ranges) == 1


def test_a_download_that_broke_off_goes_on(file_server, entry):
    size = len(file_server.content)
    file_server.break_off_after = size // 3
    with pytest.raises(InputError, match=r"broke off.*goes on where it stopped"):
        download(entry)
    assert find_stored("served") is None
    got = (weights_folder() / "served.pt.part").stat().st_size
    assert 0 < got <= size // 3
    file_server.break_off_after = None
    seen = []
    stored = download(entry, lambda done, total: seen.append((done, total)))
    assert file_server.ranges == [None, f"bytes={got}-"]
    assert seen[0] == (got, size)
    assert stored.path.read_bytes() == file_server.content
    assert file_server.sent == size // 3 + size - got
    assert stored_files() == ["served.pt", "served.pt.sha256"]


@pytest.mark.parametrize("etag", ['"second"', None, 'W/"weak"'], ids=["changed", "none", "weak"])
def test_parts_of_two_versions_are_never_joined(file_server, entry, etag):
    if etag != '"second"':
        file_server.etag = etag
    file_server.break_off_after = len(file_server.content) // 3
    with pytest.raises(InputError, match="broke off"):
        download(entry)
    file_server.break_off_after = None
    file_server.etag = etag
    assert download(entry).path.read_bytes() == file_server.content


def test_a_part_that_is_already_whole_starts_again(file_server, entry):
    weights_folder().mkdir(parents=True)
    (weights_folder() / "served.pt.part").write_bytes(file_server.content)
    (weights_folder() / "served.pt.part.version").write_text(file_server.etag)
    assert download(entry).path.read_bytes() == file_server.content
    assert file_server.ranges == [f"bytes={len(file_server.content)}-", None]


def test_the_right_checksum_is_accepted(file_server, entry):
    known = dataclasses.replace(entry, sha256=hashlib.sha256(file_server.content).hexdigest())
    assert download(known).path.is_file()


def another_sum(entry, monkeypatch):
    """The same entry, in the catalogue too, with the checksum of another file."""
    other = dataclasses.replace(entry, sha256="0" * 64, checksum_from="a third party")
    known = [each for each in catalogue_module._read_catalogue() if each.name != entry.name]
    monkeypatch.setattr(catalogue_module, "_read_catalogue", lambda: (*known, other))
    return other


def test_a_file_with_another_checksum_is_kept_aside_and_both_sums_are_shown(file_server, entry, monkeypatch):
    other = another_sum(entry, monkeypatch)
    came = hashlib.sha256(file_server.content).hexdigest()
    said = (
        rf"SHA-256 is {came}, the catalogue's is {'0' * 64} \(from a third party\).*weights import .*served"
    )
    with pytest.raises(InputError, match=said) as error:
        download(other)
    aside = weights_folder() / "served.unproven.pt"
    assert str(aside) in str(error.value)
    assert aside.read_bytes() == file_server.content
    assert stored_files() == ["served.unproven.pt"]
    assert find_stored("served") is None
    with pytest.raises(InputError, match="not installed"):
        locate("served")


def test_who_trusts_another_file_brings_it_in_and_it_is_not_kept_twice(file_server, entry, monkeypatch):
    other = another_sum(entry, monkeypatch)
    with pytest.raises(InputError, match="not the one that the catalogue knows"):
        download(other)
    with pytest.warns(VolumeWarning, match="is another file than the catalogue knows as 'served'"):
        stored = import_weights(weights_folder() / "served.unproven.pt", "served")
    assert locate("served") == stored
    assert stored_files() == ["served.safetensors", "served.safetensors.sha256"]
    assert download(other) == stored


def test_a_part_of_the_old_file_and_a_newer_one_on_the_server(file_server, entry, monkeypatch):
    """The rest is not joined; the newer file arrives whole, and is not taken for the one that is known."""
    old = hashlib.sha256(file_server.content).hexdigest()
    known = dataclasses.replace(entry, sha256=old, checksum_from="the publisher")
    file_server.break_off_after = len(file_server.content) // 3
    with pytest.raises(InputError, match="broke off"):
        download(known)
    newer = bytearray(file_server.content)
    newer[-4000] ^= 1
    file_server.content, file_server.etag, file_server.break_off_after = bytes(newer), '"second"', None
    with pytest.raises(InputError, match=rf"the catalogue's is {old}"):
        download(known)
    assert (weights_folder() / "served.unproven.pt").read_bytes() == newer
    file_server.content = bytes(newer[:-4000]) + bytes([newer[-4000] ^ 1]) + bytes(newer[-3999:])
    assert download(known).path.read_bytes() == file_server.content
    assert stored_files() == ["served.pt", "served.pt.sha256"]


def test_a_resumed_download_is_checked_as_a_whole(file_server, entry):
    known = dataclasses.replace(entry, sha256=hashlib.sha256(file_server.content).hexdigest())
    file_server.break_off_after = len(file_server.content) // 3
    with pytest.raises(InputError, match="broke off"):
        download(known)
    file_server.break_off_after = None
    assert download(known).path.read_bytes() == file_server.content
    assert file_server.ranges[-1].startswith("bytes=")


@pytest.mark.parametrize("content", [b"<html>please log in</html>", b"PK short", b""])
def test_what_is_no_network_is_deleted_whatever_its_checksum_should_be(file_server, entry, content):
    file_server.content = content
    with pytest.raises(InputError, match="'served' is not usable and was deleted"):
        download(dataclasses.replace(entry, sha256="0" * 64))
    assert stored_files() == []


def test_a_file_that_is_not_the_promised_network_is_deleted(file_server, entry):
    file_server.content = b"<html>please log in</html>"
    with pytest.raises(InputError, match=r"'served' is not usable and was deleted: .*is a web page"):
        download(entry)
    assert stored_files() == []


@pytest.mark.parametrize(
    ("status", "message"), [(404, "no file at"), (403, "refuses"), (401, "refuses"), (503, "status 503")]
)
def test_a_refusal_says_what_to_do(file_server, entry, status, message):
    file_server.status = status
    with pytest.raises(InputError, match=rf"{message}.*medsam2 weights import"):
        download(entry)
    assert stored_files() == []


def test_no_server_at_all_is_told_with_the_way_round(entry):
    way = r"the connection failed.*https://weights.example.org.*weights import served.pt --name served"
    with pytest.raises(InputError, match=way):
        download(dataclasses.replace(entry, url="http://127.0.0.1:9/weights.pt"))


def test_a_server_that_is_silent_is_told(entry, monkeypatch):
    monkeypatch.setattr("medsam2.weights.download.TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/weights.pt"
        with pytest.raises(InputError, match="did not answer in time"):
            download(dataclasses.replace(entry, url=url))


@pytest.mark.parametrize("said", ["abc", "-5", "0x10", "1e9", "5, 5", "", "²", "9" * 40])
def test_a_size_that_is_none_is_told_as_that(file_server, entry, said):
    file_server.said_length = said or " "
    with pytest.raises(InputError, match=r"where the size of the file should be.*medsam2 weights import"):
        download(entry)
    assert stored_files() == []


def test_a_size_far_above_the_catalogue_s_is_refused_at_once(file_server, entry):
    file_server.said_length = str(10**12)
    with pytest.raises(InputError, match=r"too large, 1,000,000 MB or more where the catalogue has 28 MB"):
        download(entry)
    assert stored_files() == []


def test_a_download_without_an_end_stops_and_leaves_nothing(file_server, entry):
    file_server.endless = True
    with pytest.raises(InputError, match="too large"):
        download(entry)
    assert stored_files() == []
    assert file_server.sent < 4 * len(file_server.content)


def test_an_answer_that_goes_on_elsewhere_is_not_joined(file_server, entry):
    file_server.break_off_after = len(file_server.content) // 3
    with pytest.raises(InputError, match="broke off"):
        download(entry)
    file_server.break_off_after = None
    file_server.skips = 7
    assert download(entry).path.read_bytes() == file_server.content


@pytest.mark.parametrize("version", [b"\xff\xfe", b"", b"a\r\nHost: elsewhere", "“typographic”".encode()])
def test_a_damaged_note_of_the_version_means_a_new_start(file_server, entry, version):
    weights_folder().mkdir(parents=True)
    (weights_folder() / "served.pt.part").write_bytes(file_server.content[:1000])
    (weights_folder() / "served.pt.part.version").write_bytes(version)
    assert download(entry).path.read_bytes() == file_server.content
    assert file_server.ranges == [None]


def test_too_little_space_is_told_before_anything_is_written(file_server, entry, monkeypatch):
    usage = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr("medsam2.weights.download.shutil.disk_usage", lambda folder: usage)
    with pytest.raises(InputError, match="has 1 MB free but the file needs 28 MB"):
        download(entry)
    assert stored_files() == []


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
def test_a_disk_that_fills_up_is_told(entry):
    weights_folder().mkdir(parents=True)
    (weights_folder() / "served.pt.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"is full; free space"):
        download(entry)
    assert find_stored("served") is None


def test_a_redirect_keeps_what_asks_for_the_rest(file_server, entry):
    file_server.redirect = True
    file_server.break_off_after = len(file_server.content) // 2
    with pytest.raises(InputError, match="broke off"):
        download(entry)
    file_server.break_off_after = None
    assert download(entry).path.read_bytes() == file_server.content
    assert file_server.ranges[-1].startswith("bytes=")
    assert file_server.sent < 1.1 * len(file_server.content)
