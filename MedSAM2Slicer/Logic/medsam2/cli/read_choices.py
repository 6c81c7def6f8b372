"""Options about the reading of an image, the same in every command that reads one."""

from typing import Annotated

import typer

SeriesChoice = Annotated[
    int | None,
    typer.Option("--series", min=1, help="Number of the DICOM series, as 'medsam2 info' lists it."),
]
VolumeChoice = Annotated[
    int | None, typer.Option("--volume", min=1, help="Number of the volume, as 'medsam2 info' lists it.")
]
SkipDamagedChoice = Annotated[
    bool, typer.Option("--skip-damaged", help="Leave damaged DICOM files out instead of stopping.")
]
ResampleChoice = Annotated[
    bool, typer.Option("--resample", help="Resample DICOM slices that form no regular grid onto one.")
]
NanChoice = Annotated[
    float | None, typer.Option("--nan", help="Intensity for voxels that are not a number or infinite.")
]
ModalityChoice = Annotated[
    str | None,
    typer.Option("--modality", help="What made the image: CT, MR, PT, US, …; found out if not given."),
]
