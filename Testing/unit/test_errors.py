"""What one process writes of an error, another reads."""

from medsam2.errors import error_line, last_error, note_line


def test_the_last_error_is_read_whatever_else_was_written():
    lines = [
        error_line("The first."),
        "Loading took 3 s",
        error_line("No weights."),
        note_line("slow"),
    ]
    assert last_error("\n".join(lines)) == "No weights."


def test_notes_and_other_output_are_no_errors():
    assert last_error(f"{note_line('slow')}\nTraceback (most recent call last):\n medsam2: far in\n") == ""


def test_people_see_who_speaks():
    assert (error_line("No file."), note_line("Slow.")) == ("medsam2: No file.", "medsam2: note: Slow.")
    assert note_line("Slow.", "medsam2-lab") == "medsam2-lab: note: Slow."
