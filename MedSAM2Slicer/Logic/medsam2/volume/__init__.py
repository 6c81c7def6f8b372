"""Volumes: reading, geometry, slices, windows, and writing of what was segmented. No torch here."""

from medsam2.volume.display import Hanging, anatomical_axes, hanging
from medsam2.volume.geometry import AXES, Geometry, axis_index
from medsam2.volume.modality import guess_modality
from medsam2.volume.orientation import PLANES, Orientation, orientation, slice_axis
from medsam2.volume.prompt import Prompt
from medsam2.volume.read_options import ReadOptions
from medsam2.volume.reading import read_volume
from medsam2.volume.slices import ImageSet, Slices, VolumeSlices
from medsam2.volume.volume import Volume, check_axis
from medsam2.volume.volume_masks import VolumeMasks
from medsam2.volume.volume_warning import VolumeWarning
from medsam2.volume.window import WINDOW_PRESETS, Window, choose_window
from medsam2.volume.writing import (
    OUTPUT_FORMATS,
    Segment,
    complete_file,
    output_format,
    write_labelmap,
    write_segmentation,
    write_volume,
)

__all__ = [
    "AXES",
    "OUTPUT_FORMATS",
    "PLANES",
    "WINDOW_PRESETS",
    "Geometry",
    "Hanging",
    "ImageSet",
    "Orientation",
    "Prompt",
    "ReadOptions",
    "Segment",
    "Slices",
    "Volume",
    "VolumeMasks",
    "VolumeSlices",
    "VolumeWarning",
    "Window",
    "anatomical_axes",
    "axis_index",
    "check_axis",
    "choose_window",
    "complete_file",
    "guess_modality",
    "hanging",
    "orientation",
    "output_format",
    "read_volume",
    "slice_axis",
    "write_labelmap",
    "write_segmentation",
    "write_volume",
]
