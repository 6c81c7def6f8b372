"""Masks that tracking gave, kept as packed bits: what a correction starts from."""

from collections.abc import Collection

import numpy as np

from medsam2.protocol import Forget, Mask, MaskBox, Prompt

Place = tuple[str, str, int]
"""An object's name, an axis, a slice along it."""


def place_of(message: Mask | Prompt) -> Place:
    """What a message is about."""
    return message.object_id, message.axis, message.slice_index


def concerns(request: Forget, place: Place) -> bool:
    """Whether a place is to be forgotten."""
    forgotten = (request.object_id, request.axis, request.slice_index)
    return all(given in (None, held) for given, held in zip(forgotten, place, strict=True))


class TrackedMasks:
    """The last tracked mask of each place, and whether the server still knows it."""

    def __init__(self):
        self._packed: dict[Place, tuple[int, int, tuple[int, int], np.ndarray]] = {}
        self._lost: set[Place] = set()

    def put(self, mask: Mask) -> None:
        """Tracking gave a mask."""
        place = place_of(mask)
        self._packed[place] = (mask.row, mask.column, mask.mask.shape, np.packbits(mask.mask))
        self._lost.discard(place)

    def get(self, place: Place) -> MaskBox | None:
        """The mask of a place; None where the object was not tracked, or is absent."""
        row, column, shape, bits = self._packed.get(place, (0, 0, (0, 0), None))
        if shape == (0, 0):
            return None
        flat = np.unpackbits(bits, count=shape[0] * shape[1])
        return MaskBox(row, column, flat.reshape(shape).astype(bool))

    def forget(self, request: Forget) -> None:
        """Drop masks."""
        self._packed = {place: mask for place, mask in self._packed.items() if not concerns(request, place)}
        self._lost &= self._packed.keys()

    def lose(self, told: Collection[Place]) -> None:
        """The server started anew; all that it knows again is what was told to it."""
        self._lost = self._packed.keys() - set(told)

    def find_lost(self, place: Place) -> MaskBox | None:
        """The mask of a place if the server has lost it; once, as it is told again then."""
        if place not in self._lost:
            return None
        self._lost.discard(place)
        return self.get(place)
