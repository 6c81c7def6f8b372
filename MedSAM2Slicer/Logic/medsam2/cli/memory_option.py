"""Which slices the network remembers, in words of people."""

from typing import Annotated, Literal

import typer

Memory = Literal["neighbours", "self-sorting"]
MemoryOption = Annotated[
    Memory,
    typer.Option("--memory", help="Slices remembered: neighbours, or the most telling ones (self-sorting)."),
]


def memory_bank(memory: Memory) -> Literal["temporal", "self-sorting"]:
    """The memory bank of that name in the network's own words."""
    return "temporal" if memory == "neighbours" else memory
