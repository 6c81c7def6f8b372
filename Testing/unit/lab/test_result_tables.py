"""The tables on the pages are what the measured numbers say."""

import pytest

from medsam2_lab.result_tables import FOLDER, MARK, PAGES, ResultTable, rendered


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_of_a_page_are_those_of_the_numbers(page):
    text = page.read_text("utf-8")
    assert rendered(text) == text, "run: medsam2-lab tables"


def test_every_file_of_numbers_is_shown_on_a_page():
    shown = {name for page in PAGES for _, name, _ in MARK.findall(page.read_text("utf-8"))}
    assert shown == {path.stem for path in FOLDER.glob("*.json")}


def test_a_table_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr("medsam2_lab.result_tables.FOLDER", tmp_path)
    table = ResultTable({"machine": "2 cores"}, {"": None, "Dice": 3}, [["liver", 0.51234], ["colon", None]])
    table.write("scores")
    assert ResultTable.read("scores") == table
    assert table.markdown() == "|  | Dice |\n| --- | --- |\n| liver | 0.512 |\n| colon |  |\n\n2 cores.\n"


def test_a_cell_quotes_another_table(tmp_path, monkeypatch):
    monkeypatch.setattr("medsam2_lab.result_tables.FOLDER", tmp_path)
    ResultTable({}, {"": None, "s": 2}, [["click", 0.128]]).write("speed")
    summary = ResultTable({}, {"": None, "time": None}, [["first click", "{speed|click|s} s"]])
    assert summary.cell("first click", "time") == "0.13 s"
