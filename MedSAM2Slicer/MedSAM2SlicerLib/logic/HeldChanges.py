"""What is to be forgotten once no propagation runs: the backend would end it, as it may build on that."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from medsam2.slice_grid import Axis

Ask: TypeAlias = Callable[[], None]


class HeldChanges:
    """Requests about objects and their slices, in order."""

    def __init__(self) -> None:
        self._held: list[tuple[tuple, Ask]] = []

    def __bool__(self) -> bool:
        return bool(self._held)

    def holds(self, objectId: str, where: "tuple[Axis, int]") -> bool:
        """Whether something of a slice waits to be forgotten."""
        return any(what in ((objectId,), (objectId, *where)) for what, _ask in self._held)

    def ofSlice(self, objectId: str, where: "tuple[Axis, int]", ask: Ask) -> None:
        """Hold a request; earlier ones of the slice stay, as one may have changed the field of view."""
        self._held.append(((objectId, *where), ask))

    def ofObject(self, objectId: str, ask: Ask) -> None:
        """Hold a request about a whole object in place of all others of it."""
        self._held = [(what, held) for what, held in self._held if what[0] != objectId]
        self._held.append(((objectId,), ask))

    def clear(self) -> None:
        """Hold nothing any more."""
        self._held.clear()

    def release(self) -> None:
        """Ask for all of it."""
        held, self._held = self._held, []
        for _what, ask in held:
            ask()
