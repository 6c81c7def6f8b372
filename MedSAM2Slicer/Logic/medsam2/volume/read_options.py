"""What a person may decide about the reading of an image."""

from dataclasses import dataclass

from medsam2.volume.modality import parse_modality


@dataclass(frozen=True)
class ReadOptions:
    """Decisions for :func:`medsam2.volume.files.reading.read_volume`, each with the default that asks nothing.

    Attributes:
        series: number of the DICOM series to read, from 1, as listed; needed where several could be meant.
        volume: number of the volume to read, from 1, as listed; likewise.
        skip_damaged: leave damaged DICOM files out instead of refusing the folder.
        resample: resample slices that form no regular grid onto one instead of refusing them.
        nan: intensity that replaces voxels that are not a number or infinite; None refuses them.
        modality: DICOM's word for what made the image ("CT", "MR", …); None finds it out.

    Raises:
        InputError: there is no such modality.
    """

    series: int | None = None
    volume: int | None = None
    skip_damaged: bool = False
    resample: bool = False
    nan: float | None = None
    modality: str | None = None

    def __post_init__(self) -> None:
        if self.modality is not None:
            object.__setattr__(self, "modality", parse_modality(self.modality))


DEFAULT_READ_OPTIONS = ReadOptions()
