"""The sizes of the network: one frozen dataclass per preset, for both SAM 2 families.

The numbers are those of the official configuration files (``sam2/sam2_hiera_*.yaml`` and
``sam2.1/sam2.1_hiera_*.yaml``), of MedSAM2's ``sam2.1_hiera_t512.yaml``, and of our own starter network.
"""

from dataclasses import dataclass, replace

from medsam2.errors import InputError

FAMILIES = ("sam2.0", "sam2.1")


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that fixes the shape of the network.

    Attributes:
        preset: name of the row below, such as ``"tiny"``.
        family: ``"sam2.0"`` or ``"sam2.1"``; 2.1 adds three tensors (see the two properties).
        image_size: side of the square input in pixels, a multiple of 32.
        embed_dim, num_heads, stages, global_blocks, windows, position_background: the Hiera trunk
            (channels and heads of the first stage, blocks per stage, indices of blocks with global
            attention, window side per stage, side of the coarse position embedding).
        model_dim: channels of the neck, the mask decoder and the memory attention.
        memory_dim: channels of a memory.
        memory_layers, memory_feedforward: depth and hidden width of the memory attention.
        decoder_heads, decoder_feedforward: the mask decoder's two-way transformer.
        memory_frames: slots of the temporal memory, the prompted one included (``num_maskmem``).
        single_mask_tracking: on slices without a prompt take the decoder's single mask rather than the
            best of three, and never replace an unsteady single mask. Official networks do the opposite;
            ours is too young to rank three candidates of an object that memory has already settled.
        stroke_points: that a stroke becomes: no more clicks than it was trained with.
        pointer_frames: frames whose object pointers are attended to (``max_obj_ptrs_in_encoder``).
    """

    preset: str
    family: str = "sam2.1"
    image_size: int = 1024
    embed_dim: int = 96
    num_heads: int = 1
    stages: tuple[int, ...] = (1, 2, 7, 2)
    global_blocks: tuple[int, ...] = (5, 7, 9)
    windows: tuple[int, ...] = (8, 4, 14, 7)
    position_background: int = 7
    model_dim: int = 256
    memory_dim: int = 64
    memory_layers: int = 4
    memory_feedforward: int = 2048
    decoder_heads: int = 8
    decoder_feedforward: int = 2048
    memory_frames: int = 7
    pointer_frames: int = 16
    stroke_points: int = 8
    single_mask_tracking: bool = False

    @property
    def encodes_pointer_time(self) -> bool:
        """SAM 2.1 tells object pointers apart by their distance in frames; SAM 2.0 does not."""
        return self.family == "sam2.1"

    @property
    def marks_absent_memories(self) -> bool:
        """SAM 2.1 adds a learned vector to the memory of a frame without the object."""
        return self.family == "sam2.1"


_TINY = NetworkConfig("tiny")

PRESETS: dict[str, NetworkConfig] = {
    "tiny": _TINY,
    "small": NetworkConfig("small", stages=(1, 2, 11, 2), global_blocks=(7, 10, 13)),
    "base_plus": NetworkConfig(
        "base_plus",
        embed_dim=112,
        num_heads=2,
        stages=(2, 3, 16, 3),
        global_blocks=(12, 16, 20),
        position_background=14,
    ),
    "large": NetworkConfig(
        "large",
        embed_dim=144,
        num_heads=2,
        stages=(2, 6, 36, 4),
        global_blocks=(23, 33, 43),
        windows=(8, 4, 16, 8),
    ),
    "tiny_512": replace(_TINY, preset="tiny_512", image_size=512),
    # Trained by us on synthetic volumes. Attention over the whole map from stage 3 on: at 256 pixels
    # it is 16 x 16 tokens, and no window ever needs padding when the image is smaller.
    "starter": NetworkConfig(
        "starter",
        image_size=256,
        embed_dim=48,
        num_heads=1,
        stages=(1, 2, 7, 1),
        global_blocks=(4, 5, 6, 7, 8, 9, 10),
        windows=(8, 8, 8, 8),
        model_dim=128,
        memory_layers=2,
        memory_feedforward=512,
        decoder_heads=4,
        decoder_feedforward=512,
        single_mask_tracking=True,
        # It was trained with up to four, mostly with one, and more than two make it worse (docs/results.md).
        stroke_points=2,
    ),
}


def network_config(preset: str, family: str = "sam2.1") -> NetworkConfig:
    """The configuration of a preset in one of the two families.

    Raises:
        InputError: the preset or the family is unknown.
    """
    if preset not in PRESETS:
        raise InputError(f"There is no network preset '{preset}'; choose one of {', '.join(PRESETS)}.")
    if family not in FAMILIES:
        raise InputError(f"There is no network family '{family}'; choose one of {', '.join(FAMILIES)}.")
    return replace(PRESETS[preset], family=family)
