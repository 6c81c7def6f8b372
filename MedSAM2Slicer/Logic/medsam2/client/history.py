"""What a backend was told and did about one object along one axis, in order."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from medsam2.protocol import Forget, Mask, Prompt, Propagate

Event = Prompt | Propagate | Forget


class History:
    """Events that lead a backend that knows nothing to the same state, when it is told them in this order.

    Every answer depends on those before: a click on a tracked slice corrects the mask there, and tracking
    looks at slices that were tracked earlier. So tracking is part of it, as far as masks of it have come.
    """

    def __init__(self):
        self._events: list[Event] = []
        self._starts: dict[int, int] = {}  # of each job, the slice it started from

    def prompted(self, prompt: Prompt) -> None:
        """A prompt was answered."""
        self._events.append(prompt)

    def forgot(self, request: Forget) -> None:
        """What was known of a slice was forgotten."""
        self._events.append(request)

    def tracked(self, job: Propagate, mask: Mask) -> None:
        """A job gave a mask: noted as the same job over the slices reached so far.

        A prompt or forget in between divides it. The rest starts where it goes on: from the job's own start
        the object would be tracked anew.
        """
        index = mask.slice_index
        is_rest = job.id in self._starts
        start = self._starts.setdefault(job.id, self._start(job, index))
        upward = index > start or (index == start and job.direction != "backward")
        direction = "forward" if upward else "backward"
        last = self._events[-1] if self._events else None
        goes_on = isinstance(last, Propagate) and last.id == job.id
        if goes_on and (direction == last.direction or last.start == job.start):
            self._events[-1] = replace(
                last,
                direction=direction if direction == last.direction else "both",
                first=min(last.first, index),
                last=max(last.last, index),
            )
            return
        start, objects = index if is_rest else job.start, (mask.object_id,)
        self._events.append(
            replace(job, objects=objects, start=start, direction=direction, first=index, last=index)
        )

    def _start(self, job: Propagate, reached: int) -> int:
        prompted: set[int] = set()
        for event in self._events:
            if isinstance(event, Prompt):
                prompted.add(event.slice_index)
            elif isinstance(event, Forget):
                prompted.discard(event.slice_index)
        return min(prompted, default=reached) if job.start is None else job.start

    def lose(self, unfinished: Collection[int]) -> None:
        """The backend starts anew. Jobs that have not finished are done once more as a whole.

        What they tracked stays where a prompt may have corrected it.
        """
        self._starts.clear()  # the job that is done once more may start from a prompt given since
        while self._events and isinstance(self._events[-1], Propagate) and self._events[-1].id in unfinished:
            self._events.pop()

    def retold(self, new_ids: Iterator[int]) -> list[Event]:
        """The events as requests. Prompts have the ids that they had, all else has new ones."""
        return [
            event if isinstance(event, Prompt) else replace(event, id=next(new_ids)) for event in self._events
        ]
