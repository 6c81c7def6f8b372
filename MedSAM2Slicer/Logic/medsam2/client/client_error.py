"""The one exception that callers of the client see."""

from typing import Literal

from medsam2.protocol import ErrorCode

ClientErrorCode = ErrorCode | Literal["unreachable", "cancelled", "closed"]


class ClientError(Exception):
    """A request failed, or the backend cannot be reached; the text is for people.

    Attributes:
        code: an error code of the protocol, or one of the client's own: "unreachable" (the backend did not
            start, keeps ending, or cannot be connected to), "cancelled" (the server ended a request early),
            "closed" (the client was closed before).
        message: what is wrong.
        hint: what to do next; empty where ``message`` says so.
    """

    def __init__(self, code: ClientErrorCode, message: str, hint: str = ""):
        super().__init__(f"{message} {hint}".strip())
        self.code = code
        self.message = message
        self.hint = hint
