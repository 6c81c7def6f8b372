"""A volume, a segmentation of two segments, and the editor with the example effect active."""

import numpy as np
import pytest

from fakes.stamp import IJK_TO_RAS, SHAPE, SOURCE, takeCalls


@pytest.fixture
def aVolume(aVolumeNode):
    """Zeros, on a flipped and anisotropic grid."""
    return aVolumeNode(np.zeros(SHAPE, np.int16), IJK_TO_RAS)


@pytest.fixture
def theStamp(anEditor, anEffect, aVolume, aSegmentation):
    """The effect, active; segments A and B, A selected."""
    anEffect(SOURCE)
    anEditor.edit(aSegmentation(aVolume, ("A", "B")), aVolume)
    effect = anEditor.activate("Stamp")
    takeCalls()
    return effect
