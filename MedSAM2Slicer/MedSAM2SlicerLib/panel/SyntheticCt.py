"""A synthetic abdominal CT to try the effect on; it is drawn here, so nothing is downloaded."""

from pathlib import Path

import slicer

from ..SlicerTypes import MRMLNode

SAMPLE_NAME = "MedSAM2SyntheticCt"
NODE_NAME = "MedSAM2 synthetic CT"
FILE_NAME = f"{SAMPLE_NAME}.nrrd"


def loadSyntheticCt(source: object = None) -> MRMLNode:
    """Load it into the scene; it is written to Slicer's cache the first time.

    Args:
        source: what the Sample Data module passes to whoever makes the data.

    Returns:
        The volume node.
    """
    path = cachePath()
    if not path.exists():
        # Drawing takes two seconds and its parts are not needed otherwise.
        from medsam2.cli.phantom import make_phantom
        from medsam2.volume import write_volume

        volume = make_phantom().volume
        path.parent.mkdir(parents=True, exist_ok=True)
        write_volume(path, volume.voxels, volume.geometry)
    return slicer.util.loadVolume(str(path), {"name": NODE_NAME})


def cachePath() -> Path:
    """Its file in Slicer's cache."""
    return Path(slicer.app.cachePath) / FILE_NAME


def registerSyntheticCt(thumbnail: str) -> None:
    """Offer it in the Sample Data module, where a click draws it.

    Args:
        thumbnail: path of a picture, 260 x 280.
    """
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="MedSAM2",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=thumbnail,
        uris=cachePath().as_uri(),
        fileNames=FILE_NAME,
        nodeNames=NODE_NAME,
        customDownloader=loadSyntheticCt,
    )
