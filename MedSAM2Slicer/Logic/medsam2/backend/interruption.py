"""Encoding in advance gives way to real work within milliseconds, not after a whole image."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from medsam2.model.network import MedSAM2


class Interrupted(Exception):  # noqa: N818 - not an error
    """Encoding was stopped for real work."""


class Interruption:
    """Stops image encoders between two of their layers."""

    def __init__(self):
        self._wanted = threading.Event()

    def request(self) -> None:
        """Stop what is being encoded in advance, now and until ``clear``; called from any thread."""
        self._wanted.set()

    def clear(self) -> None:
        """Allow encoding in advance again."""
        self._wanted.clear()

    @contextmanager
    def watching(self, network: MedSAM2) -> Iterator[None]:
        """Within, the network's image encoder raises ``Interrupted`` when that is requested."""
        layers = [layer for layer in network.image_encoder.modules() if not any(layer.children())]
        hooks = [layer.register_forward_pre_hook(self._check) for layer in layers]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _check(self, *_) -> None:
        if self._wanted.is_set():
            raise Interrupted
