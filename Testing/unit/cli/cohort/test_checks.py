"""What is refused before any case of a list is begun."""

import os
from dataclasses import replace

import pytest

from medsam2.cli.batch_command import batch
from medsam2.cli.cohort.checks import check_folder
from medsam2.cli.cohort.report import report_files, write_report
from medsam2.errors import InputError
from unit.cli.cohort.volumes import case, scan


def test_a_format_that_is_none_is_told_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"--format stl is no known format: give one of seg\.nrrd, nii\.gz"):
        batch(tmp_path / "cases.csv", tmp_path / "results", format="stl")


@pytest.mark.parametrize("name", ["report.html", "results.csv"])
def test_a_report_of_somebody_else_is_not_replaced_without_being_told(tmp_path, name):
    one = case(tmp_path)
    theirs = one.folder / name
    theirs.write_text("case,remark\na,mine\n")
    with pytest.raises(InputError, match="is not one that this command wrote"):
        check_folder([one], [], overwrite=False)
    check_folder([one], [], overwrite=True)
    theirs.unlink()
    write_report([one])
    check_folder([one], [], overwrite=False)  # its own
    assert all(path.exists() for path in report_files(one.folder))


def test_a_table_to_which_a_person_has_added_a_column_is_not_replaced_without_being_told(tmp_path):
    one = case(tmp_path)
    write_report([one])
    _, table = report_files(one.folder)
    table.write_bytes(table.read_bytes().replace(b"\r\n", b",remark\r\n"))
    with pytest.raises(InputError, match="is not one that this command wrote"):
        check_folder([one], [], overwrite=False)


def test_a_list_is_never_replaced_by_the_report(tmp_path):
    scan(tmp_path / "a.nrrd")
    listed = tmp_path / "results.csv"
    listed.write_text("image,point\na.nrrd,not numbers\n")
    before = listed.read_bytes()
    with pytest.raises(InputError, match="which this command reads"):
        batch(listed, tmp_path, overwrite=True)
    assert listed.read_bytes() == before


@pytest.mark.parametrize("is_link", [False, True])
def test_no_case_replaces_what_another_one_is_made_from(tmp_path, is_link):
    images = tmp_path / "results"
    first = replace(case(tmp_path, name="b", image="results/a.nrrd"), format=".nrrd")
    second = replace(case(tmp_path, name="c", image="results/b.nrrd"), format=".nrrd")
    scan(images / "a.nrrd")
    scan(images / "b.nrrd")
    if is_link:
        os.link(images / "b.nrrd", tmp_path / "other.nrrd")
        second = replace(second, cells={**second.cells, "image": "other.nrrd"})
    with pytest.raises(InputError, match=r"b\.nrrd, of the case b, would replace"):
        check_folder([first, second], [], overwrite=True)
    check_folder([replace(first, name="d"), second], [], overwrite=True)


def test_results_among_the_images_of_a_folder_would_change_it(tmp_path):
    one = case(tmp_path, image=".")
    with pytest.raises(InputError, match="lies among the images"):
        check_folder([one], [], overwrite=False)
    with pytest.raises(InputError, match="lies among the images"):
        check_folder([case(tmp_path, mask="/")], [], overwrite=False)
    for image in ("elsewhere", "n" * 300):
        check_folder([case(tmp_path, image=image)], [], overwrite=False)


@pytest.mark.parametrize(("name", "format"), [("a.seg", ".nrrd"), ("a.rtstruct", ".dcm")])
def test_a_name_that_makes_another_format_of_the_masks_is_refused(tmp_path, name, format):
    one = replace(case(tmp_path, name=name), format=format)
    with pytest.raises(InputError, match="give that case another name"):
        check_folder([one], [], overwrite=False)
    check_folder([replace(one, name="a")], [], overwrite=False)
