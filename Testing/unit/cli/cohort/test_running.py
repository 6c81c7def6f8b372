"""One case from its row to its files, over a real backend."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from medsam2.cli.cohort.claims import ClaimLostError
from medsam2.cli.cohort.record import Record, read_record, why_again, write_record
from medsam2.cli.cohort.running import run_case
from medsam2.client import BlockingClient, LocalBackend
from unit.cli.cohort.volumes import ball, case, read, scan, write

pytestmark = pytest.mark.process
ROW_CHANGED = "its row or the command's options have changed"


@pytest.fixture(scope="module")
def client():
    with BlockingClient(LocalBackend(threads=1)) as client:
        yield client


def files_in(folder) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_a_case_becomes_masks_a_picture_and_a_record_that_says_it_is_complete(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    one = pickle.loads(pickle.dumps(case(tmp_path, name="a")))
    result = pickle.loads(pickle.dumps(run_case(one, client)))
    assert result.state == "done"
    assert files_in(one.folder) == {"a.seg.nrrd", "a.png", "a.jpg", "a.result.json"}
    mask = read(one.folder / "a.seg.nrrd") > 0
    assert 2 * (mask & ball()).sum() / (mask.sum() + ball().sum()) > 0.7
    (found,) = result.objects
    assert found.volume_ml == pytest.approx(mask.sum() * 0.003, abs=1e-3)
    assert 0.5 < found.confidence <= 1
    record = read_record(one)
    assert record.result == result
    assert why_again(one, record) == ""


def test_a_case_that_fails_says_why_and_the_next_one_is_done(client, tmp_path):
    scan(tmp_path / "b.nrrd")
    missing = run_case(case(tmp_path, name="a"), client)
    outside = run_case(case(tmp_path, name="b", point="900,1,1"), client)
    assert (missing.state, outside.state) == ("failed", "failed")
    assert "a.nrrd" in missing.reason
    assert "outside" in outside.reason
    assert files_in(tmp_path / "results") == {"a.result.json", "b.result.json"}
    assert run_case(case(tmp_path, name="b"), client).state == "done"


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ({"nan": "much"}, "nan"),
        ({"series": "0"}, "series"),
        ({"ijk": "perhaps"}, "ijk"),
        ({"time": "all"}, "time point"),
        ({"overlap": "both"}, "overlap"),
        ({"view": "wide"}, "view"),
        ({"mask": "m.nrrd", "point": "1,2,3"}, "--mask"),
        ({"point": "1,2"}, "Two numbers"),
    ],
)
def test_a_wrong_cell_fails_its_case_with_a_sentence_that_names_it(client, tmp_path, cells, what):
    scan(tmp_path / "a.nrrd")
    result = run_case(case(tmp_path, **cells), client)
    assert result.state == "failed"
    assert what in result.reason


def test_files_that_the_command_did_not_write_are_never_replaced(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    one = case(tmp_path)
    theirs = one.folder / "a.seg.nrrd"
    theirs.write_text("theirs")
    refused = run_case(one, client)
    assert "is not one that this command wrote" in refused.reason
    assert "is not one that this command wrote" in run_case(one, client).reason
    assert theirs.read_text() == "theirs"
    assert run_case(one, client, overwrite=True).state == "done"
    assert why_again(replace(one, cells={**one.cells, "axis": "j"}), read_record(one)) == ROW_CHANGED
    assert run_case(one, client).state == "done"  # its own files
    theirs.write_text("corrected by hand")
    assert "was changed after this command wrote it" in run_case(one, client).reason
    assert theirs.read_text() == "corrected by hand"


def test_an_image_weights_or_file_that_changed_are_told_as_the_reason_to_do_it_again(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    one = case(tmp_path)
    run_case(one, client)
    assert why_again(replace(one, weights="other"), read_record(one)) == "the weights have changed"
    assert "options" in why_again(replace(one, format=".nii.gz"), read_record(one))
    assert "options" in why_again(replace(one, speed="fast"), read_record(one))
    write(tmp_path / "a.nrrd", np.zeros((6, 48, 48), np.uint8))
    assert why_again(one, read_record(one)) == "the image has changed"
    scan(tmp_path / "a.nrrd")
    run_case(one, client)
    (one.folder / "a.png").unlink()
    assert why_again(one, read_record(one)) == "a.png is missing"


def test_what_was_half_written_is_done_again_and_a_case_that_ends_processes_is_given_up(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    one = case(tmp_path)
    half = Record({}, {"a.seg.nrrd": None, "a.png": None, "thumbnails/a.jpg": None}, tries=1)
    write_record(one, half)
    (one.folder / "a.seg.nrrd").write_text("half")
    assert why_again(one, read_record(one)) == "it was broken off"
    assert run_case(one, client).state == "done"
    write_record(one, replace(half, tries=2))
    assert "ended 2 times" in run_case(one, client).reason
    assert run_case(one, client).state == "done"  # when the command is started again


def test_objects_that_overlap_fail_in_a_labelmap_and_are_kept_beside_it_once(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    prompts = {"space": "ijk", "objects": [{"name": name, "points": [[20, 24, 3]]} for name in ("a", "b")]}
    (tmp_path / "p.json").write_text(json.dumps(prompts))
    one = replace(case(tmp_path, prompts="p.json", range="3:3"), format=".nii.gz")
    for _ in range(2):
        assert "share" in run_case(one, client).reason
    assert files_in(one.folder) == {"a.seg.nrrd", "a.png", "a.result.json"}
    assert run_case(replace(one, cells={**one.cells, "overlap": "last"}), client).state == "done"
    assert files_in(one.folder) == {"a.nii.gz", "a.labels.json", "a.png", "a.jpg", "a.result.json"}


def test_an_annotation_of_the_same_name_beside_labelmaps_is_left_alone(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    one = replace(case(tmp_path), format=".nii.gz")
    theirs = one.folder / "a.seg.nrrd"
    theirs.write_text("theirs")
    assert run_case(one, client, overwrite=True).state == "done"
    assert theirs.read_text() == "theirs"


def test_a_case_that_another_process_took_over_leaves_nothing(client, tmp_path):
    scan(tmp_path / "a.nrrd")

    def lost():
        raise ClaimLostError

    with pytest.raises(ClaimLostError):
        run_case(case(tmp_path), client, check_claim=lost)
    assert files_in(tmp_path / "results") == {"a.result.json"}
    assert read_record(case(tmp_path)).result is None


def test_a_partial_segmentation_is_gone_on_from(client, tmp_path):
    scan(tmp_path / "a.nrrd")
    painted = np.zeros((6, 48, 48), np.uint8)
    painted[3] = ball()[3] * 4
    write(tmp_path / "m.nrrd", painted)
    result = run_case(case(tmp_path, mask="m.nrrd"), client)
    assert result.state == "done"
    image = SimpleITK.ReadImage(str(tmp_path / "results/a.seg.nrrd"))
    assert image.GetMetaData("Segment0_LabelValue") == "4"
    assert result.objects[0].slices > 1
