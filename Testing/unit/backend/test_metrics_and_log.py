"""What administrators see, and what they must not see."""

import io
import json
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from medsam2.backend.log import log_event, log_libraries
from medsam2.backend.metrics import Metrics
from medsam2.placed_mask import PlacedMask
from medsam2.protocol import FieldOfViewBox, Mask, Progress

MASK = Mask(1, "a", 0, PlacedMask.packed(np.ones((2, 2), bool)), "k", 0.9, 5.0, FieldOfViewBox(0, 0, 8, 8))


def lines(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def values(metrics: Metrics) -> dict[tuple, float]:
    """Values by name and labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    samples = [sample for family in families for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


def test_what_happened_is_counted():
    metrics = Metrics()
    metrics.watch(lambda: 3, lambda: 5)
    metrics.computed("propagate", MASK, 0.3)
    metrics.computed("propagate", MASK, 0.6)
    metrics.computed("propagate", Progress(1, 1, 2), 9.0)
    metrics.computed("propagate", None, 9.0)
    metrics.ended("propagate", "finished")
    metrics.ended("propagate", "cancelled")
    metrics.failed("busy")
    found = values(metrics)
    assert found["medsam2_sessions",] == 3
    assert found["medsam2_queue",] == 5
    assert found["medsam2_memory_bytes",] > 2**20
    assert found["medsam2_slice_seconds_count", "propagate"] == 2
    assert found["medsam2_slice_seconds_sum", "propagate"] == pytest.approx(0.9)
    assert found["medsam2_jobs_total", "propagate", "finished"] == 1
    assert found["medsam2_jobs_total", "propagate", "cancelled"] == 1
    assert found["medsam2_errors_total", "busy"] == 1


def test_two_servers_in_one_process_count_for_themselves():
    one, other = Metrics(), Metrics()
    one.failed("busy")
    assert ("medsam2_errors_total", "busy") not in values(other)


def test_an_unexpected_error_is_logged_by_its_place_and_not_its_text(capsys):
    try:
        {}["/home/anna/Doe^Jane"]
    except KeyError as error:
        Metrics().failed("internal", error)
    (line,) = lines(capsys)
    assert line["error"] == "KeyError"
    assert "test_metrics_and_log" in line["place"]
    assert "Doe" not in json.dumps(line)


def test_an_expected_error_is_logged_by_its_code(capsys):
    Metrics().failed("bad_input", ValueError("/home/anna"))
    (line,) = lines(capsys)
    assert (line["event"], line["code"]) == ("failure", "bad_input")
    assert "anna" not in json.dumps(line)


def test_every_line_has_a_time(capsys):
    log_event("something", count=3)
    (line,) = lines(capsys)
    assert line["time"].endswith("Z")
    assert line["count"] == 3


def test_a_line_break_in_a_value_makes_no_second_line(capsys):
    log_event("connected", client='x\n{"event": "forged"}')
    assert len(lines(capsys)) == 1


def test_lines_of_several_threads_stay_whole(monkeypatch):
    written = []

    class Pieces(io.StringIO):
        def write(self, text):
            written.append(text)

    monkeypatch.setattr(sys, "stderr", Pieces())
    log_event("something")
    assert [text.endswith("}\n") for text in written] == [True]


def test_a_log_that_nobody_reads_is_no_failure(monkeypatch):
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Broken())
    log_event("something")


@pytest.fixture
def libraries():
    """Libraries' complaints go into the log; afterwards pytest gets them again."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    show = warnings.showwarning
    log_libraries()
    yield
    logging.captureWarnings(False)
    warnings.showwarning = show
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("libraries")
def test_complaints_of_libraries_are_logged_without_their_words(capsys):
    try:
        Path("/home/anna/nothing").read_text()
    except OSError:
        logging.getLogger("uvicorn.error").exception("Exception in /home/anna")
    logging.getLogger("uvicorn.error").info("not logged")
    logging.getLogger("asyncio").error("Task of /home/anna")
    first, second = lines(capsys)
    assert (first["name"], first["level"], first["error"]) == ("uvicorn.error", "error", "FileNotFoundError")
    assert second["name"] == "asyncio"
    assert "anna" not in json.dumps([first, second])
