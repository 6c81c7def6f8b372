import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medsam2.errors import InputError
from medsam2.image_sets.image_record import State
from medsam2.image_sets.review_file import NOTHING, ReviewFile
from medsam2.image_sets.run_review import RunReview
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import DrawnLine, Prompt

SHAPE = (20, 30)
MASK = PlacedMask.packed(np.ones((3, 4), bool), 5, 6)
OTHER = PlacedMask.packed(np.ones((2, 2), bool), 1, 1)
CLICK = Prompt(0, points=((4.0, 5.0, True),))


@pytest.fixture
def review(tmp_path):
    with ReviewFile(tmp_path / "set") as review:
        review.add(tmp_path / name for name in ("a.png", "b.png", "c.png"))
        yield review


def states(review):
    return {record.name: record.state.value for record in review.records()}


def test_images_keep_their_names_and_places(tmp_path):
    with ReviewFile(tmp_path / "set") as review:
        assert review.add([tmp_path / "left" / "1.png", tmp_path / "right" / "1.PNG"]) == ["1", "right_1"]
    with ReviewFile(tmp_path / "set") as review:
        assert review.add([tmp_path / "right" / "1.PNG", tmp_path / "2.tif"]) == ["right_1", "2"]
        record = review.record("right_1")
        assert (record.index, record.path, record.state) == (1, tmp_path / "right" / "1.PNG", State.WAITING)
        assert review.record("2").index == 2


def test_names_make_files_everywhere_and_differ_where_case_does_not_matter(tmp_path):
    paths = [
        tmp_path / "x" / "a\nb:c.png",
        tmp_path / "x" / os.fsdecode(b"caf\xe9.png"),
        tmp_path / "x" / "EYE.png",
        tmp_path / "y" / "eye.png",
        tmp_path / "z" / "y" / "eye.jpg",
        tmp_path / "1.2.840.113",
        tmp_path / ("ä" * 120 + ".png"),
        tmp_path / "...",
        tmp_path / "NUL.png",
    ]
    with ReviewFile(tmp_path / "set") as review:
        names = review.add(paths)
        assert names[:6] == ["a_b_c", "caf_", "EYE", "y_eye", "y_eye_2", "1.2.840.113"]
        assert (len(names[6].encode()), *names[7:]) == (200, "image", "_NUL")
        assert {record.path for record in review.records()} == set(paths)


def test_the_most_doubtful_come_first(review):
    review.propose("a", 0.9, MASK, SHAPE)
    review.propose("c", 0.4, MASK, SHAPE)
    assert [record.name for record in review.records()] == ["c", "a", "b"]
    review.accept("c")
    assert [record.name for record in review.records()] == ["a", "b", "c"]
    assert review.counts()[State.ACCEPTED] == 1
    assert sum(review.counts().values()) == 3


def test_proposals_in_which_nothing_was_found_are_counted(review):
    review.propose("a", 0.0, NOTHING, SHAPE)
    review.propose("b", 0.9, MASK, SHAPE)
    assert review.nothing_found() == 1
    review.accept("a")
    assert review.nothing_found() == 0


def test_a_proposal_is_kept_as_it_was(review):
    assert review.propose("b", 0.75, MASK, SHAPE)
    record = review.record("b")
    assert (record.state, record.confidence, record.pixels, record.shape) == (State.PROPOSED, 0.75, 12, SHAPE)
    assert review.mask("b") == MASK
    assert review.mask("a") is None


def test_what_a_person_decides_is_never_proposed_anew(review):
    for name in ("a", "b", "c"):
        review.propose(name, 0.5, MASK, SHAPE, basis="first")
    review.accept("a")
    review.mark_absent("b")
    review.set_prompt("c", CLICK)
    assert not any(review.propose(name, 0.9, OTHER, SHAPE, basis="second") for name in ("a", "b", "c"))
    assert states(review) == {"a": "accepted", "b": "absent", "c": "prompted"}
    assert (review.mask("a"), review.mask("b")) == (MASK, NOTHING)


def test_what_was_rejected_is_proposed_anew_only_from_something_else(review):
    review.propose("a", 0.5, MASK, SHAPE, basis="first")
    review.reject("a")
    assert not review.propose("a", 0.9, OTHER, SHAPE, basis="first")
    assert review.mask("a") == MASK  # to be seen
    assert review.propose("a", 0.9, OTHER, SHAPE, basis="second")
    assert states(review)["a"] == "proposed"


@pytest.mark.parametrize("decide", [ReviewFile.accept, ReviewFile.reject])
def test_an_answer_that_is_another_by_now_cannot_be_decided_on_unseen(review, decide):
    review.propose("a", 0.5, MASK, SHAPE, basis="first")
    seen = review.record("a").revision
    review.propose("a", 0.9, OTHER, SHAPE, basis="second")
    with pytest.raises(InputError, match="renewed in the meantime"):
        decide(review, "a", seen)
    decide(review, "a", review.record("a").revision)


def test_an_empty_answer_that_is_right_says_that_the_object_is_absent(review):
    review.propose("a", 0.5, NOTHING, SHAPE)
    review.accept("a")
    assert states(review)["a"] == "absent"


def test_what_makes_no_sense_is_refused_in_a_sentence(review):
    with pytest.raises(InputError, match="no image nobody in this set"):
        review.accept("nobody")
    with pytest.raises(InputError, match="no mask to accept"):
        review.accept("a")
    with pytest.raises(InputError, match="no answer to reject"):
        review.reject("a")
    with pytest.raises(InputError, match="all prompts are background"):
        review.set_prompt("a", Prompt(0, points=((1.0, 1.0, False),)))
    assert states(review) == dict.fromkeys("abc", "waiting")
    assert review.undo() is None


def test_prompts_add_up_and_correct_the_mask_that_there_is(review):
    review.set_prompt("b", CLICK)
    stroke = DrawnLine(((1.0, 1.0), (2.0, 2.0)), False)
    review.set_prompt("b", Prompt(0, strokes=(stroke,)))
    assert review.record("b").prompt == Prompt(1, points=CLICK.points, strokes=(stroke,))
    review.propose("c", 0.5, MASK, SHAPE)
    review.set_prompt("c", Prompt(0, points=((1.0, 1.0, False),)))
    assert review.mask("c") is None  # the next run says what becomes of it
    review.set_prompt("a", Prompt(0, mask=MASK))
    assert (review.mask("a"), review.record("a").pixels) == (MASK, 12)


def test_undo_brings_back_what_was_before_the_last_decisions(review):
    review.propose("a", 0.5, MASK, SHAPE)
    review.accept("a")
    review.set_prompt("a", CLICK)
    review.mark_absent("b")
    assert [review.undo(), states(review)["b"]] == ["b", "waiting"]
    assert [review.undo(), states(review)["a"], review.mask("a")] == ["a", "accepted", MASK]
    assert [review.undo(), states(review)["a"], review.record("a").confidence] == ["a", "proposed", 0.5]
    assert review.undo() is None


def test_a_folder_with_files_of_its_own_is_no_set(tmp_path):
    (tmp_path / "scan.png").write_bytes(b"x")
    with pytest.raises(InputError, match="holds other files"):
        ReviewFile(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.png"]


@pytest.mark.parametrize(
    "content", [b"no database, whatever it is called", b"SQLite format 3\0" + b"x" * 4000]
)
def test_a_file_that_is_no_review_is_refused_and_left(tmp_path, content):
    (tmp_path / "review.sqlite").write_bytes(content)
    with pytest.raises(InputError, match="no review of an image set"):
        ReviewFile(tmp_path)
    assert (tmp_path / "review.sqlite").read_bytes() == content


def test_files_of_others_and_of_the_future_are_refused_and_left(tmp_path):
    for name, script, sentence in (
        ("other", "CREATE TABLE t (x)", "no review"),
        ("newer", "PRAGMA user_version = 99", "newer version"),
    ):
        if name == "newer":
            ReviewFile(tmp_path / name).close()
        else:
            (tmp_path / name).mkdir()
        with sqlite3.connect(tmp_path / name / "review.sqlite") as database:
            database.execute(script)
        database.close()
        with pytest.raises(InputError, match=sentence):
            ReviewFile(tmp_path / name)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "review.sqlite").symlink_to(tmp_path / "newer" / "review.sqlite")
    with pytest.raises(InputError, match="is a link"):
        ReviewFile(tmp_path / "linked")


def test_a_folder_may_be_called_anything(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9 ?#%") / "set"
    with ReviewFile(folder) as review:
        review.add([tmp_path / "a.png"])
    with ReviewFile(folder) as review:
        assert states(review) == {"a": "waiting"}


WRITER = """
import sys
from pathlib import Path
import numpy as np
from medsam2.image_sets.review_file import ReviewFile
from medsam2.placed_mask import PlacedMask
review = ReviewFile(sys.argv[1])
name, rounds = sys.argv[2], int(sys.argv[3])
for number in range(1, rounds):
    mask = PlacedMask.packed(np.ones((number % 200 + 1, 300), bool))
    review.propose(name, number % 200 / 200, mask, (300, 300), str(number))
    review.accept(name)
    if number == 1:
        print("ready", flush=True)
    review.reject(name)
review.mark_absent(name)
"""


def writer(folder: Path, name: str, rounds: int) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(folder), name, str(rounds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"OMP_NUM_THREADS": "1"})


@pytest.mark.process
def test_a_process_that_is_killed_while_it_writes_leaves_whole_records(review, tmp_path):
    for wait in (0.0, 0.003, 0.011, 0.05, 0.12):
        with writer(tmp_path / "set", "a", 10**9) as process:
            assert process.stdout.readline() == b"ready\n"
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        record, mask = review.record("a"), review.mask("a")
        assert record.state in (State.PROPOSED, State.ACCEPTED, State.REJECTED)
        # All of one round, whichever it was.
        assert record.pixels == mask.voxels.sum() == (round(record.confidence * 200) + 1) * 300
        assert record.shape == (300, 300)
        review.mark_absent("a")
        review.undo()
        assert review.record("a").state is record.state


@pytest.mark.process
def test_two_processes_write_at_once_and_nothing_is_lost(review, tmp_path):
    with writer(tmp_path / "set", "a", 30) as first, writer(tmp_path / "set", "b", 30) as second:
        assert first.stdout.readline() == second.stdout.readline() == b"ready\n"
        for number in range(20):
            review.propose("c", number / 20, MASK, SHAPE, str(number))
            review.accept("c")
            review.set_prompt("c", Prompt(0, mask=MASK))
            review.reject("c")
        assert first.wait(60) == second.wait(60) == 0
    assert states(review) == {"a": "absent", "b": "absent", "c": "rejected"}
    decisions = 0
    while review.undo() is not None:
        decisions += 1
    assert decisions == 2 * (2 * 29 + 1) + 3 * 20


def test_an_unreadable_image_is_not_accepted_and_the_reason_is_said(tmp_path):
    with RunReview(tmp_path / "set") as review:
        review.add([tmp_path / "a.png"])
        review.refuse("a", "a.png is empty: copy it again.")
        with pytest.raises(InputError, match=r"no mask to accept: a\.png is empty"):
            review.accept("a")


def test_a_reason_may_name_a_file_whose_name_is_no_utf_8(tmp_path):
    with RunReview(tmp_path / "set") as review:
        review.add([tmp_path / "a.png"])
        review.refuse("a", "caf\udce9/a.png is empty: copy it again.")
        assert review.record("a").reason == r"caf\udce9/a.png is empty: copy it again."
        with pytest.raises(InputError, match="There is no image"):
            review.accept("caf\udce9")


def test_a_set_of_before_there_was_a_choice_of_speed_was_made_exactly(tmp_path):
    with RunReview(tmp_path / "set") as review:
        assert review.weights() is None
        review._database.change("INSERT INTO facts VALUES ('weights', ?)", '["starter", "0f"]')
        assert review.weights() == ("starter", "0f", "exact")
        review.use_weights("starter", "0f", "fast")
        assert review.weights() == ("starter", "0f", "fast")
