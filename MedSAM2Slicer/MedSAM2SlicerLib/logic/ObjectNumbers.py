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

    def withIds(self, message: str) -> str:
        """A message of the backend with segment IDs in the place of quoted numbers."""
        for number, segmentId in enumerate(self._ids):
            message = message.replace(f"'{number}'", f"'{segmentId}'")
        return message

    def segmentId(self, number: str) -> str:
        """The segment of a number."""
        return self._ids[int(number)]
