"""DICOM: from the files of a folder to volumes that say where each voxel lies."""

from medsam2.volume.dicom.reading import list_volumes, read_dicom, read_dicom_colours, read_dicom_sequence
from medsam2.volume.dicom.volumes import VolumeEntry

__all__ = [
    "VolumeEntry",
    "list_volumes",
    "read_dicom",
    "read_dicom_colours",
    "read_dicom_sequence",
]
