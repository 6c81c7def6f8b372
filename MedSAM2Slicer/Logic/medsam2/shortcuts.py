"""How far computing may leave exactness for speed: known without torch, as people choose it."""

from dataclasses import dataclass
from typing import Literal

Speed = Literal["exact", "fast"]


@dataclass(frozen=True)
class Shortcuts:
    """What is computed otherwise than exactly; each by itself, with its gain and loss in docs/results.md.

    Attributes:
        pooled_memories: memory attention looks at memories averaged over 2 x 2 pixels, each counting as four.
        bf16: numbers of 16 bits in products, where that is quick.
        int8: numbers of 8 bits in linear layers and where large images look at memories, where that is quick
            and bf16 is not taken.
    """

    pooled_memories: bool = False
    bf16: bool = False
    int8: bool = False


EXACT = Shortcuts()
FAST = Shortcuts(bf16=True, int8=True)
"""Without pooled memories, which change masks too much of a network that was trained without them."""
SPEEDS: dict[Speed, Shortcuts] = {"exact": EXACT, "fast": FAST}
