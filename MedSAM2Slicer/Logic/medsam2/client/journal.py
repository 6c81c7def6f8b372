"""What a backend must be told again after its process or the connection was lost."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace

from medsam2.protocol import Forget, Mask, Message, OpenVolume, Prompt, Propagate

from .history import History

Key = tuple[str, str]
"""An object's name, and an axis."""


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

    def prompted(self, prompt: Prompt) -> None:
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
        if isinstance(request, Prompt | Forget):
            return [
                (name, axis)
                for name, axis in self._histories
                if name == request.object_id and request.axis in (None, axis)
            ]
        return []
