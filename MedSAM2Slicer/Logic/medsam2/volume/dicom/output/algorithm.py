"""What made the segments, as DICOM writes it into segmentations and structure sets."""

from highdicom import AlgorithmIdentificationSequence
from pydicom.sr.codedict import codes

from medsam2 import __version__
from medsam2.volume.segment import WeightsUsed

MANUFACTURER, MODEL = "MedSAM2Slicer", "medsam2"
SERIES_DESCRIPTION = "MedSAM2 segmentation"
SERIES_NUMBER = 9000
"""Behind the series of a scanner."""


def algorithm(weights: WeightsUsed | None) -> AlgorithmIdentificationSequence:
    """The algorithm, with what it takes to get the same masks again where that is known."""
    parameters = None if weights is None else {"weights": weights.name}
    if parameters and weights and weights.sha256:
        parameters["sha256"] = weights.sha256
    return AlgorithmIdentificationSequence(
        "MedSAM-2", codes.DCM.ArtificialIntelligence, __version__, MANUFACTURER, parameters
    )
