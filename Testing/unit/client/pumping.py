"""Pump clients until something has happened."""

import time

from medsam2.client import ClientState, PolledClient
from medsam2.protocol import Done, Error, Message

SECONDS = 20.0


def run(client: PolledClient, until) -> list[Message]:
    """Pump until a condition on the messages holds."""
    messages, deadline = [], time.monotonic() + SECONDS
    while not until(messages):
        assert time.monotonic() < deadline, (client.state, client.failure)
        assert client.failure is None, client.failure
        messages += client.pump()
        client.wait(0.1)
    return messages


def run_to_end(client: PolledClient, request: int) -> list[Message]:
    """Pump until a request has ended; returns what was said of it."""
    messages = run(client, lambda got: any(m.id == request and isinstance(m, Done | Error) for m in got))
    return [message for message in messages if message.id == request]


def run_to_failure(client: PolledClient) -> None:
    """Pump until the client gives up."""
    deadline = time.monotonic() + SECONDS
    while client.failure is None:
        assert time.monotonic() < deadline, client.state
        client.pump()
        client.wait(0.1)
    assert client.state is ClientState.FAILED
    assert client.pump() == []
