"""What one press of Propagate asks of the backend."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PropagationChoice:
    """What the user chose.

    Attributes:
        direction: both, forward, backward or range.
        first, last: of a range, in either order.
        allSegments: all that have seeds, or the selected one only.
        stopWhenAbsent: end where the object ends.
    """

    direction: str
    first: int
    last: int
    allSegments: bool
    stopWhenAbsent: bool

    def options(self) -> dict:
        """As ``PolledClient.propagate`` takes them."""
        options = {"direction": "both" if self.direction == "range" else self.direction}
        if not self.stopWhenAbsent:
            options["absent_stop"] = None
        if self.direction == "range":
            options |= {"first": min(self.first, self.last), "last": max(self.first, self.last)}
        return options


def propagationJobs(
    lastSlices: dict[str, tuple[str, int] | None], options: dict
) -> list[tuple[str, list[str], dict]]:
    """One job (axis, segment IDs, options) for each axis along which segments have their last seed.

    Args:
        lastSlices: segment ID to axis and slice of the seed that was placed last; None without seeds. A
            correction spreads from there, unless segments differ or it lies outside the range.
        options: see ``PropagationChoice.options``.
    """
    places = {name: where for name, where in lastSlices.items() if where is not None}
    jobs = []
    for axis in dict.fromkeys(axis for axis, _index in places.values()):
        along = {name: index for name, (other, index) in places.items() if other == axis}
        start, *others = set(along.values())
        inside = options.get("first", 0) <= start <= options.get("last", start)
        jobs.append((axis, list(along), options | ({"start": start} if inside and not others else {})))
    return jobs
