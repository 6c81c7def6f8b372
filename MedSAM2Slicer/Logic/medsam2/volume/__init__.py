"""Volumes: reading, geometry, slices, windows, and writing of what was segmented. No torch here."""

from medsam2.volume.display import Hanging, anatomical_axes, hanging
from medsam2.volume.files.label_names import label_names_file, read_label_names, write_label_names
from medsam2.volume.files.mask_reading import read_segments
from medsam2.volume.files.reading import read_sequence, read_volume
from medsam2.volume.files.segmentation_file import write_segmentation
from medsam2.volume.files.sequence_writing import can_hold_time, write_labelmap_sequence
from medsam2.volume.files.writing import (
    DICOM_FORMATS,
    OUTPUT_FORMATS,
    output_format,
    write_labelmap,
    write_volume,
)
from medsam2.volume.geometry import Geometry, axis_index
from medsam2.volume.image_sequence import ImageSequence, TimePoints
from medsam2.volume.modality import guess_modality
from medsam2.volume.orientation import PLANES, Orientation, choose_axis, orientation, slice_axis
from medsam2.volume.segment import PALETTE, Color, Segment, WeightsUsed, check_segment_name
from medsam2.volume.slices import ImageSet, Slices, VolumeMasks, VolumeSlices
from medsam2.volume.volume import ReadOptions, Volume, check_axis
from medsam2.volume.window import WINDOW_PRESETS, Window, choose_window

__all__ = [
    "DICOM_FORMATS",
    "OUTPUT_FORMATS",
    "PALETTE",
    "PLANES",
    "WINDOW_PRESETS",
    "Color",
    "Geometry",
    "Hanging",
    "ImageSequence",
    "ImageSet",
    "Orientation",
    "ReadOptions",
    "Segment",
    "Slices",
    "TimePoints",
    "Volume",
    "VolumeMasks",
    "VolumeSlices",
    "WeightsUsed",
    "Window",
    "anatomical_axes",
    "axis_index",
    "can_hold_time",
    "check_axis",
    "check_segment_name",
    "choose_axis",
    "choose_window",
    "guess_modality",
    "hanging",
    "label_names_file",
    "orientation",
    "output_format",
    "read_label_names",
    "read_segments",
    "read_sequence",
    "read_volume",
    "slice_axis",
    "write_label_names",
    "write_labelmap",
    "write_labelmap_sequence",
    "write_segmentation",
    "write_volume",
]
