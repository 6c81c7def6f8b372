"""What a backend must be told again after its process or the connection was lost."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from medsam2.protocol import Forget, Mask, Message, OpenVolume, Prompt, Propagate

from .tracks import Tracks, concerns, place_of


class Journal:
    """The open volume, its prompts in order, and what was tracked.

    Requests enter it when they have been answered, so what failed is not told again.

    The first click on a tracked slice corrects the mask there, so its answer depends on the tracking. A
    server that started anew knows nothing of that: the object is tracked again up to the slice in front of
    the click. All else that was tracked is not computed again.

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
        self._told: list[tuple[Prompt, Propagate | None]] = []  # with the job whose mask it corrected
        self._tracks = Tracks()

    def opening(self) -> None:
        """Another volume will be opened: prompts from now on are not about what was tracked before."""
        self._tracks = Tracks()

    def opened(self, volume: OpenVolume) -> None:
        """A volume was opened; prompts on an earlier one are void."""
        self.clear()
        self.volume = volume

    def tracked(self, job: Propagate, mask: Mask) -> None:
        """A job gave a mask."""
        self._tracks.put(job, mask)

    def prompted(self, prompt: Prompt) -> None:
        """A prompt was answered."""
        place = place_of(prompt)
        is_first = all(place_of(other) != place for other, _ in self._told)
        self._told.append((prompt, self._tracks.get(place) if is_first else None))

    def forgetting(self, request: Forget) -> None:
        """Something will be forgotten: prompts from now on do not correct what was tracked there."""
        self._tracks.forget(request)

    def forgot(self, request: Forget) -> None:
        """An object, or what is known of it on a slice, was forgotten."""
        self._told = [pair for pair in self._told if not concerns(request, place_of(pair[0]))]
        self._tracks.forget(request)

    def retold(self) -> list[Message]:
        """What to tell a server that starts anew, in order; requests have the ids that they had."""
        self._tracks.lose([place_of(prompt) for prompt, _ in self._told])
        if self.volume is None:
            return []
        messages: list[Message] = [self.volume]
        for count, (prompt, job) in enumerate(self._told):
            earlier = [other for other, _ in self._told[:count]]
            messages += self._behind_its_track(prompt, job, earlier)
        return messages

    def behind_lost_track(self, prompt: Prompt) -> list[Message]:
        """A new prompt; in front of it the tracking that its answer depends on, if the server has lost it."""
        job = self._tracks.find_lost(place_of(prompt))
        return self._behind_its_track(prompt, job, [other for other, _ in self._told])

    def _behind_its_track(
        self, prompt: Prompt, job: Propagate | None, earlier: Sequence[Prompt]
    ) -> list[Message]:
        object_id, axis, index = place_of(prompt)
        starts = [
            other.slice_index for other in earlier if (other.object_id, other.axis) == (object_id, axis)
        ]
        if job is None or prompt.mask is not None or not starts:
            return [prompt]
        start = min(starts) if job.start is None else job.start
        track = replace(
            job,
            id=next(self._new_ids),
            objects=(object_id,),
            start=start,
            direction="forward" if index > start else "backward",
            first=min(start, index),
            last=max(start, index),
        )
        return [track, prompt]
