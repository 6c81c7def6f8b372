import errno

import pytest

from medsam2.complete_file import complete_file
from medsam2.errors import InputError


def test_a_complete_file_replaces_the_older_one(tmp_path):
    path = tmp_path / "a.seg.nrrd"
    path.write_text("older")
    with complete_file(path) as unfinished:
        unfinished.write_text("newer")
        assert unfinished.name == path.name
        assert path.read_text() == "older"
    assert path.read_text() == "newer"
    assert list(tmp_path.iterdir()) == [path]


def fail_halfway(path, error):
    with complete_file(path) as unfinished:
        unfinished.write_text("half")
        raise error


@pytest.mark.parametrize("error", [RuntimeError(), KeyboardInterrupt(), InputError(), OSError(errno.EIO, "")])
def test_a_failure_leaves_the_older_file_alone(tmp_path, error):
    path = tmp_path / "a.nrrd"
    path.write_text("older")
    with pytest.raises(type(error)):
        fail_halfway(path, error)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk is full"),
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "may not be written to"),
        (errno.EIO, r"was not written \(refused\)"),
    ],
)
def test_the_systems_refusals_are_told_in_words(tmp_path, code, message):
    with pytest.raises(InputError, match=message):
        fail_halfway(tmp_path / "a.png", OSError(code, "refused"))
    assert not list(tmp_path.iterdir())
