"""Backends and links that do what a test says, without sockets."""

from medsam2.client.link import LinkState


class Clock:
    """Turned by hand."""

    def __init__(self):
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class PlayedBackend:
    """A backend whose states a test sets."""

    token = "secret"
    remote = False
    waits = (0.0, 5.0)
    help = "The log is here."

    def __init__(self, *states):
        self._states = list(states)
        self.starts = 0
        self.stops = []

    @property
    def state(self):
        return self._states[min(self.starts, len(self._states)) - 1]

    def start(self) -> None:
        self.starts += 1

    def dismiss(self) -> None:
        pass

    def stop(self, patience: float = 0.5, keep_log: bool = False) -> None:
        self.stops.append((patience, keep_log))


class PlayedLink:
    """A link on which everything has arrived, all at once."""

    lasting = False
    was_open = True

    def __init__(self, messages: list[bytes], reason: str = ""):
        self._messages = messages
        self.reason = reason
        self.moved = False
        self.sent = 0

    @property
    def state(self) -> LinkState:
        return LinkState.CLOSED if self.reason and not self._messages else LinkState.OPEN

    def exchange(self, next_message) -> list[bytes]:
        while next_message() is not None:
            self.sent += 1
        self.moved = bool(self._messages)
        messages, self._messages = self._messages, []
        return messages

    def close(self) -> None:
        self.reason = "closed"
