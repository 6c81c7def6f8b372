"""The source volume as it is sent to the backend, and whether it is still the same."""

import numpy as np

from medsam2.volume.window import WINDOW_PRESETS

from .PropagationController import VolumeOffer


class SourceVolume:
    """Watches the volume and the options that concern it.

    Args:
        scriptedEffect: the adaptor.
    """

    def __init__(self, scriptedEffect):
        self._effect = scriptedEffect
        self._voxels: tuple[tuple, np.ndarray] | None = None

    def key(self) -> tuple:
        """Changes when voxels, grid, transforms or options change; empty without a volume."""
        voxels = self.voxelsKey()
        return (*voxels, self._window(), self._effect.parameter("Memory")) if voxels else ()

    def offer(self, grid, key: tuple) -> VolumeOffer:
        """The volume on the segmentation's grid, with the options.

        The same array is offered again while only options have changed, so that it is not sent twice.
        """
        voxelsKey = self.voxelsKey()
        if self._voxels is None or self._voxels[0] != voxelsKey:
            self._voxels = (voxelsKey, grid.voxels())
        memory = self._effect.parameter("Memory")
        return VolumeOffer(key, self._voxels[1], grid.spacing, None, self._window(), memory)

    def voxelsKey(self) -> tuple:
        """Changes when voxels, grid or transforms change; empty without a volume."""
        parameters = self._effect.parameterSetNode()
        volume, segmentation = parameters.GetSourceVolumeNode(), parameters.GetSegmentationNode()
        if volume is None or segmentation is None:
            return ()
        image = volume.GetImageData()
        reference = segmentation.GetSegmentation().GetConversionParameter("Reference image geometry")
        return (
            volume.GetID(),
            segmentation.GetID(),
            0 if image is None else image.GetMTime(),
            _transformTime(volume),
            _transformTime(segmentation),
            reference,
        )

    def _window(self) -> tuple[float, float] | None:
        """Intensities shown as black and white; None for automatic."""
        choice = self._effect.parameter("Window")
        if choice in WINDOW_PRESETS:
            preset = WINDOW_PRESETS[choice]
            return preset.lower, preset.upper
        display = self._effect.parameterSetNode().GetSourceVolumeNode().GetDisplayNode()
        if choice != "view" or display is None:
            return None
        level, width = display.GetLevel(), max(display.GetWindow(), 1e-6)
        return level - width / 2, level + width / 2


def _transformTime(node) -> int:
    transform = node.GetParentTransformNode()
    return 0 if transform is None else transform.GetTransformToWorldMTime()
