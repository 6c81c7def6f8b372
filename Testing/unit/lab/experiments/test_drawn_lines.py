"""The tables of strokes and lassos, with a network that is never wrong about bright objects on black."""

import numpy as np
import pytest

from medsam2.datasets import LabelledVolume
from medsam2.volume import Geometry, Volume
from medsam2_lab.experiments import drawn_lines
from unit.evaluation.examples import BALLS, SHAPE
from unit.tracking.oracle_network import OracleNetwork


@pytest.fixture
def tables(monkeypatch, tmp_path):
    labels = np.zeros(SHAPE, np.uint8)
    for value, mask in enumerate(BALLS.values(), start=1):
        labels[mask] = value
    voxels = np.where(labels, 255, 0).astype(np.uint8)
    case = LabelledVolume(
        "balls", Volume(voxels, Geometry(SHAPE, np.eye(4))), labels, {"left": 1, "right": 2}
    )
    monkeypatch.setattr(drawn_lines, "load_model", lambda weights: OracleNetwork())
    monkeypatch.setattr(drawn_lines, "synthetic_cases", lambda count: [case])
    monkeypatch.setattr(drawn_lines, "real_cases", lambda folder: [_Read(case)])
    return drawn_lines.drawn_lines(1, tmp_path)


class _Read:
    def __init__(self, case: LabelledVolume):
        self.read = lambda: case


def test_strokes_of_every_number_of_points_stand_beside_a_click(tables):
    rows = tables["stroke_points"].rows
    assert [row[0] for row in rows[:3]] == ["a click", "a stroke as 2 points", "a stroke as 3 points"]
    assert all(row[1] > 0.9 and abs(row[2]) < 0.1 for row in rows)


def test_the_looser_the_lasso_the_less_it_says_of_the_object_but_the_answer_stays(tables):
    held, answered = np.array([row[1:] for row in tables["lasso_hands"].rows]).T
    assert held[0] > held[2] > held[3]
    assert answered[3] > held[3] + 0.2


def test_every_protocol_has_its_column(tables):
    (row,) = tables["drawn_lines"].rows
    assert row[:2] == ["real cases", 2]
    assert min(row[2:4]) > 0.9


@pytest.mark.parametrize("name", ["stroke_points", "lasso_hands", "drawn_lines"])
def test_the_shipped_tables_have_the_columns_that_a_run_writes(tables, name):
    assert list(drawn_lines.ResultTable.read(name).columns) == list(tables[name].columns)
