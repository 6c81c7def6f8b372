"""Paths that are no files, and names of any bytes."""

import os
import socket

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import Geometry, read_volume, write_volume
from unit.volume.files.examples import VOXELS, posix_only, save

# Notes that name a path which is not UTF-8 cannot be handed from one of pytest's processes to another.
unnoted = pytest.mark.filterwarnings("ignore::medsam2.errors.VolumeWarning")
ODD = ["a b", "-a", "a\nb", "~", "$HOME", "a%d%s", "ä日本", "#", "a" * 230]


@posix_only
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nrrd", "a.png", "a", "a.dcm"])
def test_a_pipe_is_refused_at_once(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume(tmp_path / name)


@posix_only
def test_a_device_and_a_socket_are_refused(tmp_path):
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(tmp_path / "s.nii"))
        with pytest.raises(InputError, match="a pipe or a device"):
            read_volume(tmp_path / "s.nii")


def test_an_endless_path_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_volume(tmp_path / ("a" * 5000 + ".nii"))
    with pytest.raises(InputError, match="cannot be read"):
        read_volume("a\0b.nii")


@unnoted
@posix_only
@pytest.mark.parametrize(
    "name", ["a.nii.gz", "a.nrrd", "a.mha", "a.mhd", "a.nhdr", "a.hdr", "a.png", "a.tif", "a.gipl.gz"]
)
@pytest.mark.parametrize("where", ["name", "folder", "both"])
def test_a_path_that_is_not_utf8_is_read(tmp_path, name, where):
    latin = os.fsdecode(b"caf\xe9")
    folder = tmp_path / (latin if where != "name" else "folder")
    folder.mkdir()
    voxels = VOXELS[0].astype(np.uint8) if name == "a.png" else VOXELS
    save(tmp_path / name, voxels)
    for file in [file for file in tmp_path.iterdir() if file != folder]:
        file.rename(folder / file.name)
    path = folder / name
    if where != "folder":
        path = path.rename(folder / f"{latin}{name}")
        if name == "a.hdr":
            (folder / "a.img").rename(folder / f"{latin}a.img")
    np.testing.assert_array_equal(read_volume(path).voxels, voxels.reshape(-1, 30, 40))


@unnoted
@pytest.mark.parametrize("name", ["a.nii.gz", "a.nii", "a.nrrd", "a.mha"])
@pytest.mark.parametrize("odd", [*ODD, pytest.param(os.fsdecode(b"caf\xe9"), marks=posix_only)])
def test_odd_names_are_written_and_read(tmp_path, odd, name):
    folder = tmp_path / odd
    folder.mkdir()
    path = folder / f"{odd}{name[1:]}"
    write_volume(path, VOXELS, Geometry(VOXELS.shape, np.eye(4)))
    assert list(folder.iterdir()) == [path]
    np.testing.assert_array_equal(read_volume(path).voxels, VOXELS)
