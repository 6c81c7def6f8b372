"""The sizes of the networks: one frozen dataclass per preset, a preset being of one family or of a few.

The numbers are those of the official configuration files (``sam2/sam2_hiera_*.yaml`` and
``sam2.1/sam2.1_hiera_*.yaml``), of MedSAM2's ``sam2.1_hiera_t512.yaml``, of EfficientTAM
(``efficienttam_*.yaml``), and of our own starter network.
"""

from dataclasses import dataclass, replace

from medsam2.errors import InputError

from .segmentation_config import SegmentationConfig, Signature
from .slice_wise_config import SliceWiseConfig, TinyViTSizes, ViTSizes


@dataclass(frozen=True)
class NetworkConfig(SegmentationConfig):
    """Everything that fixes the shape of SAM 2's network, and of EfficientTAM's.

    Attributes:
        family: ``"sam2.0"``, ``"sam2.1"``, which adds three tensors (see the last two properties), or
            ``"efficienttam"``: 2.0 with a plain image encoder.
        image_size: a multiple of 32.
        embed_dim, num_heads, stages, global_blocks, windows, position_background: the Hiera trunk
            (channels and heads of the first stage, blocks per stage, indices of blocks with global
            attention, window side per stage, side of the coarse position embedding); of a plain encoder,
            which has one stage, the same.
        model_dim: channels of the neck, the mask decoder and the memory attention.
        memory_dim: channels of a memory.
        memory_layers, memory_feedforward: depth and hidden width of the memory attention.
        decoder_heads, decoder_feedforward: the mask decoder's two-way transformer.
        memory_frames: slots of the temporal memory, the prompted one included (``num_maskmem``).
        pointer_frames: frames whose object pointers are attended to (``max_obj_ptrs_in_encoder``).
        memory_pooling: how several memories are averaged over 2 x 2 pixels before they are attended to: not
            at all (0), or as EfficientTAM's variants 1 and 2 do (``EfficientRoPEAttention1`` and ``...2``).
    """

    family: str = "sam2.1"
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
    memory_pooling: int = 0

    @property
    def families(self) -> tuple[str, ...]:
        """Every size of SAM 2 exists in both."""
        return (self.family,) if self.has_plain_encoder else ("sam2.0", "sam2.1")

    @property
    def remembers(self) -> bool:
        """It tracks."""
        return True

    @property
    def signature(self) -> Signature:
        """The trunk's first convolution."""
        patch = (16, 16) if self.has_plain_encoder else (7, 7)
        return {"image_encoder.trunk.patch_embed.proj.weight": (self.embed_dim, 3, *patch)}

    @property
    def blocks(self) -> tuple[str, int]:
        """The trunk's."""
        return r"image_encoder\.trunk\.blocks\.(\d+)\.", sum(self.stages)

    @property
    def has_plain_encoder(self) -> bool:
        """EfficientTAM's image encoder makes one map, at stride 16; Hiera makes finer ones too."""
        return self.family == "efficienttam"

    @property
    def encodes_pointer_time(self) -> bool:
        """SAM 2.1 tells object pointers apart by their distance in frames; SAM 2.0 does not."""
        return self.family == "sam2.1"

    @property
    def marks_absent_memories(self) -> bool:
        """SAM 2.1 adds a learned vector to the memory of a frame without the object."""
        return self.family == "sam2.1"


# ``train_one_gpu.py`` of both moves the sides outward by up to 20 of 1024, and 5 of 256 pixels; LiteMedSAM's
# script goes from slice to slice with 3.
_MEDSAM_MARGIN = 3 / 256

_TINY = NetworkConfig("tiny")

# Trained by us on synthetic volumes. Attention over the whole map from stage 3 on: at 256 pixels
# it is 16 x 16 tokens, and no window ever needs padding when the image is smaller.
STARTER = NetworkConfig(
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
    # Official networks take the best of three on tracked slices, and replace an unsteady single mask; ours
    # is too young to rank three candidates of an object that memory has already settled.
    single_mask_tracking=True,
    # It was trained with up to four, mostly with one, and more than two make it worse (docs/results.md).
    stroke_points=2,
    sees_colour=False,
)

_EFFICIENTTAM_TI = NetworkConfig(
    "efficienttam_ti",
    family="efficienttam",
    embed_dim=192,
    num_heads=3,
    stages=(12,),
    global_blocks=(2, 5, 8, 11),
    windows=(14,),
    position_background=14,
)
_EFFICIENTTAM_S = replace(_EFFICIENTTAM_TI, preset="efficienttam_s", embed_dim=384, num_heads=6)


PRESETS: dict[str, SegmentationConfig] = {
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
    "starter": STARTER,
    "sam_vit_b": SliceWiseConfig("sam_vit_b", "sam"),
    "sam_vit_l": SliceWiseConfig("sam_vit_l", "sam", encoder=ViTSizes(1024, 24, 16, (5, 11, 17, 23))),
    "sam_vit_h": SliceWiseConfig("sam_vit_h", "sam", encoder=ViTSizes(1280, 32, 16, (7, 15, 23, 31))),
    "medsam": SliceWiseConfig(
        "medsam",
        "medsam",
        resampling="cubic",
        normalisation="range",
        truncated=True,
        multimask="never",
        takes_mask_prompts=False,
        box_margin=_MEDSAM_MARGIN,
    ),
    "mobile_sam": SliceWiseConfig("mobile_sam", "mobilesam", encoder=TinyViTSizes(3, has_classifier=True)),
    "lite_medsam": SliceWiseConfig(
        "lite_medsam",
        "litemedsam",
        image_size=256,
        encoder=TinyViTSizes(1),
        resampling="area",
        normalisation="range",
        multimask="never",
        takes_mask_prompts=False,
        box_margin=_MEDSAM_MARGIN,
    ),
    "sam_med2d": SliceWiseConfig(
        "sam_med2d",
        "sam-med2d",
        image_size=256,
        encoder=ViTSizes(768, 12, 12, (2, 5, 8, 11), has_adapters=True),
        resampling="nearest",
        multimask="always",
    ),
    "efficienttam_ti": _EFFICIENTTAM_TI,
    "efficienttam_ti_512": replace(_EFFICIENTTAM_TI, preset="efficienttam_ti_512", image_size=512),
    "efficienttam_ti_1": replace(_EFFICIENTTAM_TI, preset="efficienttam_ti_1", memory_pooling=1),
    "efficienttam_ti_2": replace(_EFFICIENTTAM_TI, preset="efficienttam_ti_2", memory_pooling=2),
    "efficienttam_s": _EFFICIENTTAM_S,
    "efficienttam_s_512": replace(_EFFICIENTTAM_S, preset="efficienttam_s_512", image_size=512),
    "efficienttam_s_1": replace(_EFFICIENTTAM_S, preset="efficienttam_s_1", memory_pooling=1),
    "efficienttam_s_2": replace(_EFFICIENTTAM_S, preset="efficienttam_s_2", memory_pooling=2),
}
FAMILIES = tuple(dict.fromkeys(family for config in PRESETS.values() for family in config.families))


def network_config(preset: str, family: str | None = None) -> SegmentationConfig:
    """The configuration of a preset, in one of its families; its latest where none is given.

    Raises:
        InputError: the preset or the family is unknown, or they do not go together.
    """
    if preset not in PRESETS:
        raise InputError(f"There is no network preset '{preset}'; choose one of {', '.join(PRESETS)}.")
    config = PRESETS[preset]
    check_family(family)
    if family is not None and family not in config.families:
        raise InputError(f"The network {preset} is of {' or '.join(config.families)}, not {family}.")
    return config if family is None else replace(config, family=family)


def check_family(family: str | None) -> None:
    """Refuse a family that is not known; None is any."""
    if family is not None and family not in FAMILIES:
        raise InputError(f"There is no network family '{family}'; choose one of {', '.join(FAMILIES)}.")
