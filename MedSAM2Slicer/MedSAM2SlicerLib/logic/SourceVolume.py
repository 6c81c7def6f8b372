"""The source volume as it is sent to the backend, and whether it is still the same."""

import numpy as np

from .Requests import VolumeOffer

AS_SHOWN, AUTOMATIC = "view", "auto"
"""Choices of the option; the others are presets of ``medsam2.volume``."""


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
        display = self._effect.parameterSetNode().GetSourceVolumeNode().GetDisplayNode()
        if choice == AUTOMATIC or (choice == AS_SHOWN and display is None):
            return None
        if choice == AS_SHOWN:
            level, width = display.GetLevel(), max(display.GetWindow(), 1e-6)
            return level - width / 2, level + width / 2
        # Imported at first use: reading volumes takes libraries that choosing the effect must not wait for.
        from medsam2.volume.window import WINDOW_PRESETS

        preset = WINDOW_PRESETS.get(choice)
        return None if preset is None else (preset.lower, preset.upper)


def _transformTime(node) -> int:
    transform = node.GetParentTransformNode()
    return 0 if transform is None else transform.GetTransformToWorldMTime()
