"""What a training run says to the person who waits for it."""

from collections.abc import Mapping

from medsam2.training.history import History


def progress_line(step: int, numbers: Mapping[str, float], steps: int | None = None) -> str:
    """The numbers that the log has for a step, in words.

    Args:
        step: how many are done.
        numbers: as in ``log.jsonl``.
        steps: how many there will be, where that is known.
    """
    head = f"Step {step}" if steps is None else f"Step {step} of {steps}"
    if "validation_dice" in numbers:
        return f"{head}: {_validation(numbers)}"
    parts = [f"loss {numbers['loss']:.2f}"] if "loss" in numbers else []
    if "seconds_per_step" in numbers:
        seconds = numbers["seconds_per_step"]
        parts.append(f"{seconds:.2g} s for each step")
        if steps is not None and step < steps:
            parts.append(f"about {duration(seconds * (steps - step))} left without validations")
    return f"{head}: {', '.join(parts) or 'no numbers'}"


def _validation(numbers: Mapping[str, float]) -> str:
    took = f", found in {duration(numbers['validation_seconds'])}" if "validation_seconds" in numbers else ""
    return f"mean Dice {numbers['validation_dice']:.3f} on the cases held out{took}"


def validation_begins(cases: int, last_seconds: float | None) -> str:
    """What is about to happen, and how long it took the last time."""
    expected = "" if last_seconds is None else f", about {duration(last_seconds)} as the last time"
    return f"Validating on {cases} {'case' if cases == 1 else 'cases'}{expected} …"


def duration(seconds: float) -> str:
    """Such as 8 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def history_table(history: History) -> str:
    """Every validation on a line, the best marked."""
    lines = [f"{'step':>8}  mean Dice"]
    for step, score in sorted(history.scores.items()):
        lines.append(f"{step:>8}  {score:.3f}{'  best' if step == history.best_step else ''}")
    return "\n".join(lines)
