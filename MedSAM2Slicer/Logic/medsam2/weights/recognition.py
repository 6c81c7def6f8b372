"""Which network the tensors of a file belong to: by their names and shapes, and by what is said of it."""

import re
from typing import TYPE_CHECKING

from medsam2.errors import InputError
from medsam2.model.config import PRESETS, check_family
from medsam2.model.segmentation_config import SegmentationConfig

if TYPE_CHECKING:
    from torch import Tensor

OFFICIAL_NAMES = (
    ("medsam2_", "sam2.1", "tiny_512"),
    ("sam_vit_b", "sam", "sam_vit_b"),
    ("medsam_vit_b", "medsam", "medsam"),
    ("medsam_model_", "medsam", "medsam"),
    ("eff_medsam2_tiny", "efficienttam", "efficienttam_ti_512"),
    ("eff_medsam2_small", "efficienttam", "efficienttam_s_512"),
    *((rf"{name}(?!\d)", "efficienttam", name) for name in PRESETS if re.match("efficienttam_.+_", name)),
)
"""How official files begin, in lower case, whose tensors fit another preset as well; and what they hold."""

OTHER_USES = (
    (
        "medsam_lite_scribble",
        "lite_medsam",
        "is LiteMedSAM trained on painted scribbles, which answers neither clicks nor boxes; take the "
        "weights lite-medsam instead",
    ),
)
"""How official files begin, in lower case, whose tensors fit a preset that they are not for; and why."""


class SeveralFamiliesError(InputError):
    """A file's tensors fit networks that prepare images differently, and nothing says which it is."""

    def __init__(self, families: list[str], sentence: str) -> None:
        super().__init__(sentence)
        self.families = families


def recognise(
    tensors: dict[str, "Tensor"], filename: str, preset: str | None = None, family: str | None = None
) -> tuple[str, str]:
    """The family and the preset of a file's network.

    Some networks have the same tensors, such as those for 512 and for 1024 pixels. What they cannot tell is
    taken from the arguments, else from the official name of the file.

    Args:
        tensors: official name to tensor.
        filename: of the file.
        preset, family: what the file is known to hold, where it is.

    Raises:
        InputError: it is no known network, not the one it is said to be, or one of several.
    """
    check_family(family)
    fitting = [name for name, config in PRESETS.items() if _fits(tensors, config)]
    if not fitting:
        raise _unknown(tensors, filename)
    found = {name: _family(tensors, PRESETS[name]) for name in fitting}
    if preset is not None and preset not in found:
        raise InputError(
            f"'{filename}' holds the network {' or '.join(found)}, not {preset}; choose another name, "
            "preset or file."
        )
    candidates = [preset] if preset else list(found)
    if family and family not in (found[name] for name in candidates):
        networks = " or ".join(f"{found[name]} {name}" for name in candidates)
        raise InputError(
            f"'{filename}' holds the network {networks}, not one of {family}; choose another name, family or "
            "file."
        )
    chosen = preset or _choose(found, filename, family)
    for start, own, reason in OTHER_USES:
        if filename.lower().startswith(start) and chosen == own:
            raise InputError(f"'{filename}' {reason}.")
    return found[chosen], chosen


def _fits(tensors: dict[str, "Tensor"], config: SegmentationConfig) -> bool:
    has_signature = all(
        name in tensors and tuple(tensors[name].shape) == shape for name, shape in config.signature.items()
    )
    return has_signature and _block_count(tensors, config) == config.blocks[1]


def _block_count(tensors: dict[str, "Tensor"], config: SegmentationConfig) -> int:
    return len({match[1] for name in tensors if (match := re.match(config.blocks[0], name))})


def _family(tensors: dict[str, "Tensor"], config: SegmentationConfig) -> str:
    """The family that the tensors show, where a preset is of several."""
    if len(config.families) == 1:
        return config.family
    return "sam2.1" if "no_obj_embed_spatial" in tensors else "sam2.0"


def _choose(found: dict[str, str], filename: str, family: str | None) -> str:
    """One of the presets that fit: of the family that was said, or by the file's name, else the first."""
    fitting = [name for name, own in found.items() if family in (None, own)]
    official = (
        name
        for start, own, name in OFFICIAL_NAMES
        if re.match(start, filename.lower()) and found.get(name) == own and name in fitting
    )
    chosen = next(official, None)
    families = list(dict.fromkeys(found[name] for name in fitting))
    if chosen is None and len(families) > 1:
        raise SeveralFamiliesError(
            families,
            f"'{filename}' may be of {' or '.join(families)}, whose tensors are alike but whose images are "
            "prepared differently: bring it in with 'medsam2 weights import' and "
            f"{' or '.join(f'--family {name}' for name in families)}.",
        )
    return chosen or fitting[0]


def _unknown(tensors: dict[str, "Tensor"], filename: str) -> InputError:
    """The error for tensors that no preset has, which says how far they are known."""
    for config in PRESETS.values():
        if all(
            name in tensors and tensors[name].ndim == len(shape) for name, shape in config.signature.items()
        ):
            first, *others = config.signature
            width, blocks = tensors[first].shape[0], _block_count(tensors, config)
            if (tuple(tensors[first].shape), blocks) == (config.signature[first], config.blocks[1]):
                name = next(name for name in others if tensors[name].shape != config.signature[name])
                return InputError(
                    f"'{filename}' is the network {config.preset} but for '{name}', whose shape is "
                    f"{tuple(tensors[name].shape)} rather than {config.signature[name]}, as for "
                    "images of another size; give the published file."
                )
            return InputError(
                f"'{filename}' has an image encoder of width {width} with {blocks} blocks, which is no known "
                "size; it may be incomplete, so copy or download it again."
            )
    first = next(iter(tensors), "")
    found = f"{len(tensors)} tensors, the first called {first[:60]!a}," if first else "no tensors"
    return InputError(
        f"'{filename}' holds {found} and is no network that is known here; Slicer's module MedSAM2 and "
        "'medsam2 weights list' show files that work."
    )
