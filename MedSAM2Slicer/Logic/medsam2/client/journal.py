"""What a backend must be told again after its process or the connection was lost."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from medsam2.protocol import Forget, Mask, MaskBox, Message, OpenVolume, Prompt

from .tracked_masks import TrackedMasks, concerns, place_of


class Journal:
    """The open volume, its prompts in order, and the masks that tracking gave.

    Requests enter it when they have been answered, so what failed is not told again.

    The first click on a tracked slice corrects the mask there. A server that started anew knows nothing of
    that mask: it is told as a prompt of its own in front of the click.

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
        self._told: list[tuple[Prompt, MaskBox | None]] = []  # with the tracked mask that it corrected
        self._tracked = TrackedMasks()

    def opening(self) -> None:
        """Another volume will be opened: prompts from now on are not about what was tracked before."""
        self._tracked = TrackedMasks()

    def opened(self, volume: OpenVolume) -> None:
        """A volume was opened; prompts on an earlier one are void."""
        self.clear()
        self.volume = volume

    def tracked(self, mask: Mask) -> None:
        """Tracking gave a mask."""
        self._tracked.put(mask)

    def prompted(self, prompt: Prompt) -> None:
        """A prompt was answered."""
        place = place_of(prompt)
        is_first = all(place_of(other) != place for other, _ in self._told)
        self._told.append((prompt, self._tracked.get(place) if is_first else None))

    def forgetting(self, request: Forget) -> None:
        """Something will be forgotten: prompts from now on do not correct what was tracked there."""
        self._tracked.forget(request)

    def forgot(self, request: Forget) -> None:
        """An object, or what is known of it on a slice, was forgotten."""
        self._told = [pair for pair in self._told if not concerns(request, place_of(pair[0]))]
        self._tracked.forget(request)

    def retold(self) -> list[Message]:
        """What to tell a server that starts anew: requests with the ids that they had."""
        self._tracked.lose([place_of(prompt) for prompt, _ in self._told])
        if self.volume is None:
            return []
        prompts = (self._in_front(prompt, mask) for prompt, mask in self._told)
        return [self.volume, *(message for pair in prompts for message in pair)]

    def with_lost_mask(self, prompt: Prompt) -> list[Prompt]:
        """A prompt, and in front of it the tracked mask that it corrects where the server has lost that."""
        return list(self._in_front(prompt, self._tracked.find_lost(place_of(prompt))))

    def _in_front(self, prompt: Prompt, corrected: MaskBox | None) -> Iterable[Prompt]:
        if corrected is not None and prompt.mask is None:
            yield replace(prompt, id=next(self._new_ids), points=(), box=None, mask=corrected)
        yield prompt
