"""What a backend must be told again after its process or the connection was lost."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace

from medsam2.protocol import Forget, Mask, Message, OpenVolume, PromptRequest, Propagate
from medsam2.slice_grid import Axis

Key = tuple[str, Axis]
"""An object's name, and an axis."""
Event = PromptRequest | Propagate | Forget


class History:
    """What a backend was told and did about one object along one axis, in order.

    Told the same again, a backend that knows nothing comes to the same state.

    Every answer depends on those before: a click on a tracked slice corrects the mask there, and tracking
    looks at slices that were tracked earlier. So tracking is part of it, as far as masks of it have come.
    """

    def __init__(self) -> None:
        self._events: list[Event] = []

    def prompted(self, prompt: PromptRequest) -> None:
        """A prompt was answered."""
        self._events.append(prompt)

    def forgot(self, request: Forget) -> None:
        """What was known of a slice was forgotten."""
        self._events.append(request)

    def tracked(self, job: Propagate, mask: Mask) -> None:
        """A job gave a mask: noted as the same job within each stretch of slices that it reached.

        Within a stretch the job went up and then down, as it will when it is repeated: a prompted slice on
        top of a tracked one may be where it went up again, and begins another stretch. Only a stretch that
        begins at the job's own start keeps it, or the first one where the start lies beyond the job's range:
        from there the object is tracked anew.

        A fused mask, of several orientations, is the end of a job, which is noted as a whole: what it fuses
        comes of all that the job tracked.
        """
        index = mask.slice_index
        if mask.agreement is not None:
            self._note_whole(job, mask.object_id)
            return
        last = self._events[-1] if self._events else None
        if (
            isinstance(last, Propagate)
            and last.id == job.id
            and last.options.last is not None  # as in all that are noted here
        ):
            first, end = last.options.first, last.options.last
            if index == first - 1 or (index == end + 1 and self._went_up_to(index)):
                stretch = replace(last.options, first=min(first, index), last=max(end, index))
                self._events[-1] = replace(last, options=stretch)
                return
        start = job.options.start if index == job.options.start or self._is_led_in(job) else None
        options = replace(job.options, start=start, first=index, last=index, orientations=1)
        self._events.append(replace(job, objects=(mask.object_id,), options=options))

    def _note_whole(self, job: Propagate, object_id: str) -> None:
        whole = replace(job, objects=(object_id,))
        if self._events[-1:] != [whole]:
            self._events = [
                each for each in self._events if not (isinstance(each, Propagate) and each.id == job.id)
            ]
            self._events.append(whole)

    def _is_led_in(self, job: Propagate) -> bool:
        """Whether a job, no mask of which was noted yet, starts beyond its own range."""
        is_new = not any(isinstance(event, Propagate) and event.id == job.id for event in self._events)
        return is_new and job.options.start is not None and not job.options.covers(job.options.start)

    def _went_up_to(self, index: int) -> bool:
        prompted = {event.prompt.slice_index for event in self._events if isinstance(event, PromptRequest)}
        return index not in prompted or index - 1 in prompted

    def lose(self, unfinished: Collection[int]) -> None:
        """The backend starts anew. Jobs that have not finished are done once more as a whole.

        What they tracked stays where a prompt may have corrected it.
        """
        while self._events and isinstance(self._events[-1], Propagate) and self._events[-1].id in unfinished:
            self._events.pop()

    def retold(self, new_ids: Iterator[int]) -> list[Event]:
        """The events as requests. Prompts have the ids that they had, all else has new ones."""
        return [
            event if isinstance(event, PromptRequest) else replace(event, id=next(new_ids))
            for event in self._events
        ]


class Journal:
    """The open volume, and the history of each object along each axis.

    Requests enter it when they have been answered, so what failed is not told again. A history may take long
    to go through, so it is told only when a request needs it.

    Attributes:
        volume: how the open volume was announced; None while none is open.

    Args:
        new_ids: for messages that are made here.
    """

    def __init__(self, new_ids: Iterator[int]):
        self._new_ids = new_ids
        self.clear()

    def clear(self) -> None:
        """No volume is open any more."""
        self.volume: OpenVolume | None = None
        self._histories: defaultdict[Key, History] = defaultdict(History)
        self._lost: set[Key] = set()

    def opened(self, volume: OpenVolume) -> None:
        """A volume was opened; what is known of an earlier one is void."""
        self.clear()
        self.volume = volume

    def prompted(self, prompt: PromptRequest) -> None:
        """A prompt was answered."""
        self._histories[prompt.object_id, prompt.axis].prompted(prompt)

    def tracked(self, job: Propagate, mask: Mask) -> None:
        """A job gave a mask."""
        self._histories[mask.object_id, mask.axis].tracked(job, mask)

    def forgot(self, request: Forget) -> None:
        """An object, or what is known of it on a slice, was forgotten."""
        for key in self._concerned(request):
            if request.slice_index is None:
                del self._histories[key]
            else:
                self._histories[key].forgot(replace(request, axis=key[1]))

    def lose(self, unfinished: Collection[int]) -> None:
        """The server starts anew and knows nothing; the requests with these ids will be made again."""
        for history in self._histories.values():
            history.lose(unfinished)
        self._lost = set(self._histories)

    def lost_before(self, request: Message) -> list[Message]:
        """What the server has lost of that which a request needs, in order; counts as told from now on."""
        keys = [key for key in self._concerned(request) if key in self._lost]
        self._lost -= set(keys)
        if isinstance(request, Forget) and request.slice_index is None:
            return []
        return [event for key in keys for event in self._histories[key].retold(self._new_ids)]

    def _concerned(self, request: Message) -> list[Key]:
        """Whose state a request looks at or changes."""
        if isinstance(request, Propagate):
            return [
                (name, axis)
                for name, axis in self._histories
                if axis == request.axis and (not request.objects or name in request.objects)
            ]
        if isinstance(request, PromptRequest | Forget):
            return [
                (name, axis)
                for name, axis in self._histories
                if name == request.object_id and request.axis in (None, axis)
            ]
        return []
