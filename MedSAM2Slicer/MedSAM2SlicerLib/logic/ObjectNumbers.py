"""What segments are called in what is sent: an ID may be a name, even a patient's."""


class ObjectNumbers:
    """Numbers of segments, in the order in which they were first asked for."""

    def __init__(self) -> None:
        self._ids: list[str] = []

    def of(self, segmentId: str) -> str:
        """The number of a segment."""
        if segmentId not in self._ids:
            self._ids.append(segmentId)
        return str(self._ids.index(segmentId))

    def segmentId(self, number: str) -> str:
        """The segment of a number."""
        return self._ids[int(number)]
