"""Examples at the end of a command's help."""


def examples(*lines: str) -> str:
    """The end of a help text: one command a line, as it is typed, each at most 76 letters."""
    # The first line keeps the lines below it as they are.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
