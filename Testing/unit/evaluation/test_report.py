"""What the report says, and that it is written whole or not at all."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from medsam2.cli.evaluate_command import describe
from medsam2.errors import InputError
from medsam2.evaluation.evaluating import Finding, Settings
from medsam2.evaluation.output_folder import check_output_folder, complete_folder
from medsam2.evaluation.report import EMPTY_POLICY, Report
from medsam2.evaluation.scores import Score
from unit.evaluation.examples import reported, two_balls


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    """The report of two cases, of which the second has wrong labels."""
    folder = tmp_path_factory.mktemp("report")
    cases = [two_balls(folder, "good"), two_balls(folder, "swapped $1")]
    cases[1] = type(cases[1])(cases[1].name, cases[1].image, cases[0].labels, {"right": 1})
    reported(cases, protocol="corrections", clicks=1, lenient=True).write(folder / "out")
    return folder / "out"


def test_all_files_are_there(written):
    assert {path.name for path in written.iterdir()} == {
        "report.md",
        "results.csv",
        "results.json",
        "dice_against_clicks.png",
        "worst",
    }
    assert [path.name for path in written.parent.iterdir() if "incomplete" in path.name] == []


def test_tables_agree(written):
    with (written / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    document = json.loads((written / "results.json").read_text())
    assert [row["structure"] for row in rows] == [row["structure"] for row in document["results"]]
    assert float(rows[0]["dice"]) == document["results"][0]["dice"] == 1.0
    assert document["settings"]["protocol"] == "corrections"
    assert document["lenient"] == "lenient (as released MedSAM-2)"


def test_the_text_states_the_policy_and_labels_the_lenient_numbers(written):
    text = (written / "report.md").read_text()
    assert EMPTY_POLICY in text
    assert "Dice, lenient (as released MedSAM-2)" in text
    assert "| left | 1 | 1.000 | 1.000 | 0.0 |" in text


def test_pictures_show_something(written):
    pictures = [written / "dice_against_clicks.png", *(written / "worst").iterdir()]
    assert len(pictures) == 4
    for path in pictures:
        assert matplotlib.image.imread(path)[..., :3].std() > 0.02


def scores(*dices: float | None) -> Report:
    report = Report(Settings("one-prompt"), {})
    for number, dice in enumerate(dices):
        hd95 = None if not dice else 1.0 - dice
        report.add(Finding(Score(f"c{number}", "a", 1, dice, dice, hd95, 0.5, 1), None))
    return report


def test_structures_without_a_score_are_counted_not_averaged():
    summary = scores(0.8, None, 0.0, 0.4).summary()
    assert (summary.count, summary.both_empty, summary.without_hd95) == (3, 1, 1)
    assert summary.dice == pytest.approx(0.4)
    assert summary.hd95 == pytest.approx(0.4)


def test_nothing_but_empty_structures():
    summary = scores(None, None).summary()
    assert (summary.count, summary.both_empty, summary.dice) == (0, 2, None)


def test_the_table_for_people_says_what_is_not_in_it():
    lines = describe(scores(0.8, None, 0.0, 0.4)).splitlines()
    assert lines[0].split() == ["structure", "masks", "Dice", "NSD", "HD95"]
    assert lines[1].split() == ["all", "3", "0.400", "0.400", "0.4", "mm"]
    assert lines[2].split() == ["a", "3", "0.400", "0.400", "0.4", "mm"]
    assert "1 masks have no HD95, as the mask or the truth is empty." in lines
    assert "1 masks are left out, as the mask and the truth are both empty." in lines
    assert describe(scores(None)).splitlines()[1].split() == ["all", "0", "none", "none", "none"]


def test_names_of_bytes_that_are_not_utf_8_are_written(tmp_path):
    report = reported([replace(two_balls(tmp_path), name="caf\udce9")], protocol="click")
    report.about["dataset"] = "d\udce9"
    report.write(tmp_path / "out")
    assert r"caf\udce9" in (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")
    assert r"d\udce9" in (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert len(list((tmp_path / "out" / "worst").iterdir())) == 2


def test_the_last_prompt_counts(tmp_path):
    report = Report(Settings("corrections"), {})
    for prompts, dice in ((1, 0.2), (2, 0.6)):
        report.add(Finding(Score("c", "a", prompts, dice, dice, 1.0, 0.5 * prompts, 10 * prompts), None))
    assert (report.summary().dice, report.summary().seconds_per_slice) == (0.6, 0.05)


def test_an_earlier_report_is_replaced_and_other_files_are_not(tmp_path):
    out = tmp_path / "out"
    for text in ("first", "second"):
        with complete_folder(out) as folder:
            (folder / "results.json").write_text(text)
    assert (out / "results.json").read_text() == "second"
    (out / "thesis.txt").touch()
    with pytest.raises(InputError, match="no report"), complete_folder(out):
        pass
    assert (out / "thesis.txt").exists()


def test_after_an_error_the_earlier_report_is_as_it_was(tmp_path):
    out = tmp_path / "out"
    with complete_folder(out) as folder:
        (folder / "results.json").write_text("first")
    with pytest.raises(InputError, match="was not written"), complete_folder(out) as folder:
        (folder / "no" / "results.json").write_text("second")
    assert (out / "results.json").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_report_is_replaced_only_when_asked(tmp_path):
    with complete_folder(tmp_path / "out") as folder:
        (folder / "results.json").write_text("first")
    with pytest.raises(InputError, match=r"holds a report: .* --overwrite"):
        check_output_folder(tmp_path / "out", overwrite=False)
    check_output_folder(tmp_path / "out", overwrite=True)


def test_a_folder_that_cannot_be(tmp_path):
    with pytest.raises(InputError, match="does not exist"), complete_folder(tmp_path / "no" / "out"):
        pass
    (tmp_path / "file").write_bytes(np.zeros(1).tobytes())
    with pytest.raises(InputError, match="is a file"), complete_folder(tmp_path / "file"):
        pass


def test_the_folder_one_is_in_cannot_be_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="a folder inside it"):
        check_output_folder(Path("."), overwrite=True)


def test_a_spreadsheet_runs_no_name(tmp_path):
    reported([replace(two_balls(tmp_path), name="=1+1")], protocol="click").write(tmp_path / "out")
    with (tmp_path / "out" / "results.csv").open(newline="") as file:
        assert next(csv.DictReader(file))["case"] == "'=1+1"
