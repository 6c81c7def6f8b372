"""Which process works on a case."""


class ClaimLostError(Exception):
    """Another process took a case over, as this one seemed to have ended."""
