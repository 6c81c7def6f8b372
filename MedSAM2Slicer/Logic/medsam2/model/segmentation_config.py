"""What is known of every network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

Signature = dict[str, tuple[int, ...]]
"""Shapes of tensors by their official names."""


@dataclass(frozen=True)
class SegmentationConfig(ABC):
    """What is known of every network.

    Attributes:
        preset: name of the row below, such as ``"tiny"``.
        family: such as ``"sam2.1"``; says how images are prepared and prompts are answered.
        image_size: side of the square input in pixels.
        single_mask_tracking: a mask that corrects or continues another is the decoder's single one, rather
            than the best of three.
        stroke_points: that a stroke becomes: no more clicks than the network was trained with.
        takes_mask_prompts: was trained to correct an earlier answer.
        box_margin: how far outside of objects boxes lay in training, as a share of the image; 0 where they
            lay inside as often.
        sees_colour: was trained with colours; else it is shown grey.
    """

    preset: str
    family: str
    image_size: int = 1024
    single_mask_tracking: bool = False
    stroke_points: int = 8
    takes_mask_prompts: bool = True
    box_margin: float = 0.0
    sees_colour: bool = True

    @property
    def families(self) -> tuple[str, ...]:
        """The families that this preset's sizes exist in."""
        return (self.family,)

    @property
    def remembers(self) -> bool:
        """Whether the network looks at memories of other slices."""
        return False

    @property
    def logit_size(self) -> int:
        """Side of the masks that the network answers, in pixels."""
        return self.image_size // 4

    @property
    @abstractmethod
    def signature(self) -> Signature:
        """Tensors by which a file with this network is known."""

    @property
    @abstractmethod
    def blocks(self) -> tuple[str, int]:
        """Pattern of the names of the image encoder's blocks, its group a block's number; and their count."""
