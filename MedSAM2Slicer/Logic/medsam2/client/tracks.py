"""Which job tracked which slice last, and whether the server still knows of it."""

from collections.abc import Collection

from medsam2.protocol import Forget, Mask, Prompt, Propagate

Place = tuple[str, str, int]
"""An object's name, an axis, a slice along it."""


def place_of(message: Mask | Prompt) -> Place:
    """What a message is about."""
    return message.object_id, message.axis, message.slice_index


def concerns(request: Forget, place: Place) -> bool:
    """Whether a place is to be forgotten."""
    forgotten = (request.object_id, request.axis, request.slice_index)
    return all(given in (None, held) for given, held in zip(forgotten, place, strict=True))


class Tracks:
    """The last job of each tracked place."""

    def __init__(self):
        self._jobs: dict[Place, Propagate] = {}
        self._lost: set[Place] = set()

    def put(self, job: Propagate, mask: Mask) -> None:
        """Tracking reached a slice."""
        self._jobs[place_of(mask)] = job
        self._lost.discard(place_of(mask))

    def get(self, place: Place) -> Propagate | None:
        """The job that tracked a place; None if it was not tracked."""
        return self._jobs.get(place)

    def forget(self, request: Forget) -> None:
        """Places were forgotten."""
        self._jobs = {place: job for place, job in self._jobs.items() if not concerns(request, place)}
        self._lost &= self._jobs.keys()

    def lose(self, told: Collection[Place]) -> None:
        """The server started anew; all that it knows again is what was told to it."""
        self._lost = self._jobs.keys() - set(told)

    def find_lost(self, place: Place) -> Propagate | None:
        """The job that tracked a place if the server has lost that; once, as it is tracked again then."""
        if place not in self._lost:
            return None
        self._lost.discard(place)
        return self._jobs[place]
