"""Segments as DICOM objects that refer to the images they were made on: SEG and RTSTRUCT."""

from medsam2.volume.dicom.output.writing import check_source, write_dicom

__all__ = ["check_source", "write_dicom"]
