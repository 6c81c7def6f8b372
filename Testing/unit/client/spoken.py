"""The other end of a client's protocol, message by message."""

import numpy as np

from medsam2.client.client_protocol import ClientProtocol
from medsam2.placed_mask import PlacedMask
from medsam2.prompt import Prompt
from medsam2.protocol import Done, FieldOfViewBox, Limits, Mask, Message, Progress, Ready, decode, encode

VOXELS = np.arange(4 * 6 * 8, dtype=np.int16).reshape(4, 6, 8)
SPACING = (3.0, 1.0, 1.0)
CHUNK_BYTES = 100


def ready(request: int, compressions: tuple[str, ...] = ("none",)) -> Ready:
    """A server's greeting."""
    return Ready(request, "test", "cpu", "starter", 256, Limits(10_000, 10_000, CHUNK_BYTES), compressions)


def mask(request: int, object_id: str, slice_index: int, ones: int = 2) -> Mask:
    """A mask of a few voxels along k."""
    square = np.ones((ones, ones), bool)
    view = FieldOfViewBox(0, 0, 6, 6)
    return Mask(request, object_id, slice_index, PlacedMask.packed(square, 1, 2), "k", 0.9, 3.0, view)


def sent(protocol: ClientProtocol) -> list[Message]:
    """All that a protocol sends before it hears something."""
    messages = []
    while (data := protocol.next_message()) is not None:
        messages.append(decode(data))
    return messages


def answer(protocol: ClientProtocol, *messages: Message) -> list[Message]:
    """Let messages arrive; returns what the protocol hands out."""
    return [taken for message in messages for taken in protocol.receive(encode(message))]


def kinds(messages: list[Message]) -> list[str]:
    """Names of the messages' types."""
    return [type(message).__name__ for message in messages]


def greet(protocol: ClientProtocol, **options) -> None:
    """Answer the hello."""
    hello = sent(protocol)
    assert kinds(hello) == ["Hello"]
    answer(protocol, ready(hello[0].id, **options))


def finish_upload(protocol: ClientProtocol) -> list[Message]:
    """Take an announced volume and all its chunks; returns the chunks."""
    (announced,) = sent(protocol)
    answer(protocol, Progress(announced.id, 0, VOXELS.nbytes))
    chunks = sent(protocol)
    answer(protocol, Done(announced.id, window=(0.0, 1.0)))
    return chunks


def announced() -> tuple[ClientProtocol, int]:
    """A protocol that has announced ``VOXELS`` to a server, which has not answered yet; and the request."""
    protocol = ClientProtocol("secret")
    request = protocol.open_volume(VOXELS, SPACING)
    greet(protocol)
    assert kinds(sent(protocol)) == ["OpenVolume"]
    return protocol, request


def opened() -> ClientProtocol:
    """A protocol with ``VOXELS`` open."""
    protocol = ClientProtocol("secret")
    protocol.open_volume(VOXELS, SPACING)
    greet(protocol)
    finish_upload(protocol)
    return protocol


def finish_prompt(protocol: ClientProtocol, object_id: str, slice_index: int, **prompt) -> int:
    """Prompt and answer; returns the request's id."""
    said = Prompt(slice_index, **(prompt or {"points": ((1, 2, True),)}))
    request = protocol.prompt(object_id, "k", said)
    sent(protocol)
    answer(protocol, mask(request, object_id, slice_index), Done(request))
    return request


def finish_track(protocol: ClientProtocol, object_id: str, slices: list[int]) -> int:
    """Track and answer with masks of 3 x 3 voxels; returns the request's id."""
    request = protocol.propagate("k", [object_id])
    sent(protocol)
    answer(protocol, *(mask(request, object_id, index, ones=3) for index in slices), Done(request))
    return request


def told(protocol: ClientProtocol) -> list:
    """All that is sent, each answered with ``Done`` as long as the server is told again what it knew."""
    messages = sent(protocol)
    while protocol.restoring:
        assert answer(protocol, Done(messages[-1].id)) == []
        messages += sent(protocol)
    return messages


def restarted(protocol: ClientProtocol) -> list:
    """Restart; returns what was sent after the volume."""
    protocol.restart()
    greet(protocol)
    finish_upload(protocol)
    return told(protocol)
