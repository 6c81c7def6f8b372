"""Encoding ends within milliseconds when it is no longer wanted, not after a whole image."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from medsam2.model.segmentation_network import SegmentationNetwork


class Interrupted(Exception):  # noqa: N818 - not an error
    """Encoding was stopped: it is no longer wanted, or not now."""


class Interruption:
    """Stops image encoders between two of their blocks."""

    def __init__(self) -> None:
        self._wanted = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether encoding is to stop."""
        return self._wanted.is_set()

    def request(self) -> None:
        """Stop what is being encoded, now and until ``clear``; called from any thread."""
        self._wanted.set()

    def clear(self) -> None:
        """Allow encoding again."""
        self._wanted.clear()

    @contextmanager
    def watching(self, network: SegmentationNetwork) -> Iterator[None]:
        """Within, the network's image encoder raises ``Interrupted`` when that is requested."""
        # Not every layer: watching is begun for every slice, and must cost next to nothing.
        hooks = [block.register_forward_pre_hook(self._check) for block in network.encoder_blocks]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _check(self, *_: object) -> None:
        if self.requested:
            raise Interrupted
