"""Headers that name other files: only those beside them count."""

import os
from pathlib import Path

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.volume import read_volume
from unit.volume.files.examples import META, NRRD, SMALL, posix_only, save, with_header


@pytest.fixture
def secret(tmp_path) -> Path:
    """A file outside the folder of an image."""
    (tmp_path / "images").mkdir()
    file = tmp_path / "secret.raw"
    file.write_bytes(SMALL.tobytes())
    return file


@pytest.mark.parametrize("name", ["a.mhd", "a.mha", "a.nhdr", "a.nrrd"])
@pytest.mark.parametrize(
    "where", ["{secret}", "../secret.raw", "sub/../../secret.raw", "link.raw", "-", "/dev/stdin"]
)
def test_voxels_outside_the_headers_folder_are_refused(tmp_path, secret, name, where):
    (tmp_path / "images" / "link.raw").symlink_to(secret)
    where = where.format(secret=secret)
    header = META + where if "mh" in name else NRRD + f"data file: {where}"
    with pytest.raises(InputError, match="not lie in its own folder"):
        read_volume(with_header(tmp_path / "images" / name, header + "\n"))


@pytest.mark.parametrize(
    "header",
    [
        META + "LIST\nfirst.raw\n{secret}\n",
        META.replace("ElementDataFile", "elementdatafile = {secret}\nElementDataFile") + "LOCAL\n",
        NRRD + "data file: LIST 2\n{secret}\n{secret}\n",
        NRRD + "DATA FILE: {secret}\n",
        NRRD + "datafile: {secret}\n",
        NRRD + "data file: a.raw\ndatafile: {secret}\n",
        META.replace("Offset", "Comment =\nOffset") + "LOCAL\n",
    ],
)
def test_other_ways_to_name_a_file_are_seen_through(tmp_path, secret, header):
    name = "a.nhdr" if header.startswith("NRRD") else "a.mhd"
    with pytest.raises(InputError, match=r"not lie in its own folder|read in two ways|does not exist"):
        read_volume(with_header(tmp_path / "images" / name, header.replace("{secret}", str(secret))))


@pytest.mark.parametrize(
    "pattern",
    ["%s%n 1 2 1", "%s.raw 0 1 1", "a%d%d.raw 0 1 1", "a%1000000d.raw 0 1 1", "a%x.raw 0 1 1", "a%d.raw"],
)
@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
def test_a_dangerous_pattern_is_refused(tmp_path, name, pattern):
    header = META + pattern if name == "a.mhd" else NRRD + f"data file: {pattern}"
    with pytest.raises(InputError, match="not safe to read"):
        read_volume(with_header(tmp_path / name, header + "\n"))


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
@pytest.mark.parametrize("form", ["one", "%d", "%03d", "LIST"])
def test_voxels_beside_the_header_are_read(tmp_path, name, form):
    names = ["a b.raw"] if form == "one" else [(form if "%" in form else "%d") % n + ".raw" for n in (0, 1)]
    for file, part in zip(names, np.split(SMALL, len(names)), strict=True):
        (tmp_path / file).write_bytes(part.tobytes())
    where = {"one": "a b.raw", "LIST": "LIST\n0.raw\n1.raw"}.get(form, f"{form}.raw 0 1 1")
    header = META + where if name == "a.mhd" else NRRD + f"data file: {where}"
    np.testing.assert_array_equal(read_volume(with_header(tmp_path / name, header + "\n")).voxels, SMALL)


@posix_only
def test_a_pipe_behind_a_header_is_refused(tmp_path):
    os.mkfifo(tmp_path / "a.raw")
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume(with_header(tmp_path / "a.mhd", META + "a.raw\n"))
    save(tmp_path / "b.img")
    (tmp_path / "b.img").unlink()
    os.mkfifo(tmp_path / "b.img")
    with pytest.raises(InputError, match="a pipe or a device"):
        read_volume(tmp_path / "b.hdr")


def test_a_header_of_100_000_keys_is_refused(tmp_path):
    keys = "".join(f"key{number}:=value\n" for number in range(100_000))
    with pytest.raises(InputError, match="lines"):
        read_volume(with_header(tmp_path / "a.nrrd", NRRD + keys + "\n", SMALL.tobytes()))
