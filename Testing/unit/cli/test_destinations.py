"""Outputs never cost a file that is read, nor one that exists, nor one that another run writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from medsam2.cli.destinations import check_free, held_destinations
from medsam2.complete_file import complete_file
from medsam2.errors import InputError

ON_UNIX = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and signals of Unix")


def attempt(output, *read, overwrite=True) -> None:
    with held_destinations([output], read, overwrite):
        pass


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.nrrd"
    path.write_text("scan")
    return path


@pytest.fixture
def folder(tmp_path):
    """A folder of an image, with one below it."""
    (tmp_path / "dicom" / "deeper").mkdir(parents=True)
    for name in ("1.nrrd", "1.png", "deeper/2.nrrd", "deeper/2.png"):
        (tmp_path / "dicom" / name).write_text("slice")
    return tmp_path / "dicom"


@pytest.mark.parametrize("spelling", ["scan.nrrd", "./scan.nrrd", "x/../scan.nrrd"])
def test_the_image_is_recognised_by_any_path(tmp_path, scan, spelling, monkeypatch):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    for read in (scan, Path("scan.nrrd")):
        with pytest.raises(InputError, match=r"would replace .*scan\.nrrd, which this command reads"):
            attempt(Path(spelling), read)
    assert scan.read_text() == "scan"


@ON_UNIX
def test_a_hard_link_to_an_input_is_an_input(tmp_path, scan):
    os.link(scan, tmp_path / "out.nrrd")
    with pytest.raises(InputError, match="which this command reads"):
        attempt(tmp_path / "out.nrrd", scan)


@ON_UNIX
@pytest.mark.parametrize("target", ["scan.nrrd", "absent.nrrd", "out.nrrd"])
def test_a_link_is_no_output_wherever_it_leads(tmp_path, scan, target):
    os.symlink(tmp_path / target, tmp_path / "out.nrrd")
    with pytest.raises(InputError, match="is a link"):
        attempt(tmp_path / "out.nrrd", scan)


@ON_UNIX
def test_a_linked_folder_does_not_hide_an_input(tmp_path, scan):
    os.symlink(tmp_path, tmp_path / "elsewhere")
    with pytest.raises(InputError, match="which this command reads"):
        attempt(tmp_path / "elsewhere" / "scan.nrrd", scan)


def test_of_a_dicom_folder_only_dicom_files_are_inputs(folder):
    (folder / "slice.dcm").write_bytes(bytes(128) + b"DICM")
    with pytest.raises(InputError, match="which this command reads"):
        attempt(folder / "slice.dcm", folder)
    attempt(folder / "1.nrrd", folder)
    with pytest.raises(InputError, match="exists: name another file"):
        attempt(folder / "1.nrrd", folder, overwrite=False)


@pytest.mark.parametrize("name", ["1.png", "deeper/2.png"])
def test_files_in_the_folder_of_the_image_are_inputs(folder, name):
    with pytest.raises(InputError, match="which this command reads"):
        attempt(folder / name, folder)
    attempt(folder / "new.nrrd", folder)


@ON_UNIX
def test_a_hard_link_to_a_file_in_the_folder_is_an_input(tmp_path, folder):
    os.link(folder / "deeper" / "2.png", tmp_path / "out.nrrd")
    with pytest.raises(InputError, match="which this command reads"):
        attempt(tmp_path / "out.nrrd", folder)


@pytest.mark.parametrize(
    ("header", "text", "data"),
    [
        ("a.mhd", "NDims = 3\nElementDataFile = voxels.nrrd\n", "voxels.nrrd"),
        ("a.mhd", "NDims = 3\nElementDataFile = LIST\nvoxels0.nrrd\nvoxels1.nrrd\n", "voxels1.nrrd"),
        ("a.mhd", "NDims = 3\nElementDataFile = voxels%02d.nrrd 1 10 1\n", "voxels07.nrrd"),
        ("a.nhdr", "NRRD0004\ntype: short\ndata file: my voxels.nrrd\n", "my voxels.nrrd"),
        ("a.nhdr", "NRRD0004\ndata file: LIST\nvoxels.nrrd\n", "voxels.nrrd"),
        ("a.nhdr", "NRRD0004\ndata file: voxels%d.nrrd 1 4 1\n", "voxels3.nrrd"),
        ("a.hdr", "", "a.img"),
        ("a.img", "", "a.hdr"),
    ],
)
def test_files_with_the_voxels_of_a_header_are_inputs(tmp_path, header, text, data):
    (tmp_path / header).write_text(text)
    (tmp_path / data).write_text("voxels")
    with pytest.raises(InputError, match="which this command reads"):
        attempt(tmp_path / data, tmp_path / header)


def test_an_existing_file_is_replaced_only_when_asked(tmp_path, scan):
    output = tmp_path / "out.nrrd"
    output.write_text("older")
    with pytest.raises(InputError, match="exists: name another file, or replace it with --overwrite"):
        attempt(output, scan, overwrite=False)
    attempt(output, scan)
    assert output.read_text() == "older"


def test_a_file_that_appears_while_computing_is_not_replaced(tmp_path):
    output = tmp_path / "out.nrrd"
    with held_destinations([output], [], overwrite=False):
        output.write_text("of somebody else")
        with pytest.raises(InputError, match="exists"):
            check_free([output], overwrite=False)


def test_two_outputs_are_not_one(tmp_path):
    with pytest.raises(InputError, match="written twice"), held_destinations([tmp_path / "a"] * 2, [], True):
        pass


def test_a_folder_is_no_output(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        attempt(tmp_path)


def test_a_folder_that_is_missing_or_a_file_is_named(tmp_path, scan):
    for parent in (tmp_path / "absent", scan):
        with pytest.raises(InputError, match=f"{parent.name} does not exist: create it first"):
            attempt(parent / "out.nrrd")


def test_a_name_that_is_too_long_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        attempt(tmp_path / ("x" * 300 + ".nrrd"))


@ON_UNIX
def test_pipes_and_devices_are_no_outputs(tmp_path):
    os.mkfifo(tmp_path / "pipe.nrrd")
    with pytest.raises(InputError, match="a device or a pipe"):
        attempt(tmp_path / "pipe.nrrd")
    with pytest.raises(InputError, match="a device or a pipe"):
        attempt(Path("/dev/null"))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_a_folder_where_no_file_can_be_made_is_refused():
    with pytest.raises(InputError, match="was not written"):
        attempt(Path("/proc/x.nii.gz"))


HOLD = """
import sys
from pathlib import Path
from medsam2.cli.destinations import held_destinations
with held_destinations([Path(sys.argv[1])], [], True):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path):
    """Another process that holds ``out.nrrd``."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "out.nrrd")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline().strip() == b"held"
    yield process
    process.communicate(timeout=30)


def test_the_second_run_to_one_output_is_refused_until_the_first_ends(tmp_path, other_run):
    with pytest.raises(InputError, match="Another run is writing"):
        attempt(tmp_path / ".." / tmp_path.name / "out.nrrd")
    attempt(tmp_path / "other.nrrd")
    assert not [path for path in tmp_path.iterdir() if "other" in path.name]


@ON_UNIX
def test_a_killed_run_blocks_nobody(tmp_path, other_run):
    other_run.kill()
    other_run.wait(30)
    attempt(tmp_path / "out.nrrd")
    assert not list(tmp_path.iterdir())


@ON_UNIX
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_link_that_appears_while_computing_is_never_followed(tmp_path, overwrite):
    victim, output = tmp_path / "victim.txt", tmp_path / "out.txt"
    victim.write_text("of somebody else")
    with held_destinations([output], [], overwrite):
        output.symlink_to(victim)
        if not overwrite:
            with pytest.raises(InputError, match="exists"):
                check_free([output], overwrite)
        with complete_file(output) as unfinished:
            unfinished.write_text("ours")
    assert victim.read_text() == "of somebody else"
    assert not output.is_symlink()
    assert output.read_text() == "ours"


@ON_UNIX
def test_a_link_in_place_of_the_lock_is_not_followed(tmp_path):
    (tmp_path / ".out.nrrd.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(InputError, match="cannot be held against other runs"):
        attempt(tmp_path / "out.nrrd")
    assert not (tmp_path / "victim").exists()
