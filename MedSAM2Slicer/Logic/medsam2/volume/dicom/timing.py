"""When a frame was acquired, from whichever elements say so: in seconds, from a beginning that all share."""

import math
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import accumulate, pairwise

from pydicom import Dataset

from medsam2.volume.dicom.header import number, numbers, positive, text


def seconds_of_image(ds: Dataset) -> float | None:
    """Of a classic image: since the heart's trigger, else since long ago."""
    trigger = number(ds, "TriggerTime")
    if trigger is not None:
        return trigger / 1000
    date_and_time = text(ds, "AcquisitionDate") + text(ds, "AcquisitionTime")
    return _since_long_ago(text(ds, "AcquisitionDateTime") or date_and_time)


def seconds_of_frames(ds: Dataset, count: int) -> Sequence[float] | None:
    """Of the frames of a film, since the first; None where the file does not say."""
    steps = numbers(ds, "FrameTimeVector", count)
    if steps is not None:
        return [passed / 1000 for passed in accumulate(steps[1:], initial=0.0)]
    step, rate = positive(ds, "FrameTime"), positive(ds, "CineRate")
    if step is None and rate is None:
        return None
    seconds = step / 1000 if step is not None else 1 / (rate or 1)
    return [index * seconds for index in range(count)]


def seconds_of_groups(position: Dataset, heart: Dataset, content: Dataset) -> float | None:
    """Of a frame whose functional groups say when: since the sequence began, the trigger, or long ago."""
    offset = number(position, "TemporalPositionTimeOffset")
    if offset is not None:
        return offset
    delay = number(heart, "NominalCardiacTriggerDelayTime")
    if delay is not None:
        return delay / 1000
    return _since_long_ago(
        text(content, "FrameReferenceDateTime") or text(content, "FrameAcquisitionDateTime")
    )


def _since_long_ago(moment: str) -> float | None:
    """Of DICOM's date and time in one, YYYYMMDDHHMMSS.FFFFFF; None where that is not all there."""
    whole, _, rest = moment.partition(".")
    fraction = rest[:6] if rest[:6].isdigit() else "0"
    with suppress(ValueError):
        # Not by the clock of this computer, which leaves out an hour in spring.
        since = datetime.strptime(whole[:14], "%Y%m%d%H%M%S") - datetime(1900, 1, 1)
        return since.total_seconds() + int(fraction) / 10 ** len(fraction)
    return None


def increasing(seconds: Sequence[float | None]) -> list[float]:
    """Seconds since the first; none where one is missing or not later than the one before."""
    known = [each for each in seconds if each is not None and math.isfinite(each)]
    if len(known) < len(seconds) or any(later <= earlier for earlier, later in pairwise(known)):
        return []
    return [each - known[0] for each in known]
