"""What is to be forgotten once no propagation runs: the backend would end it, as it may build on that."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medsam2.slice_grid import Axis


class HeldChanges:
    """Of each object, or of each of its slices, the last request."""

    def __init__(self) -> None:
        self._held: dict[tuple, Callable[[], None]] = {}

    def __bool__(self) -> bool:
        return bool(self._held)

    def holds(self, objectId: str, where: "tuple[Axis, int]") -> bool:
        """Whether something of a slice waits to be forgotten."""
        return (objectId,) in self._held or (objectId, *where) in self._held

    def ofSlice(self, objectId: str, where: "tuple[Axis, int]", ask: Callable[[], None] | None) -> None:
        """Hold the request of a slice in place of an earlier one; None for what was asked already."""
        what = (objectId, *where)
        self._held.pop(what, None)
        if ask is not None:
            self._held[what] = ask

    def ofObject(self, objectId: str, ask: Callable[[], None] | None) -> None:
        """As ``ofSlice``, of a whole object."""
        self._held = {what: held for what, held in self._held.items() if what[0] != objectId}
        if ask is not None:
            self._held[(objectId,)] = ask

    def clear(self) -> None:
        """Hold nothing any more."""
        self._held.clear()

    def release(self) -> None:
        """Ask for all of it, in order."""
        held, self._held = self._held, {}
        for ask in held.values():
            ask()
