"""Short ways through the editor for tests; Slicer's widget has none of these."""

import slicer

from .make_nodes import voxelsOf


class EditorHelpers:
    """Mixin of the editor."""

    def edit(self, segmentationNode, volumeNode):
        """Select both, show the volume in the views; Slicer selects the first segment itself."""
        self.setSegmentationNode(segmentationNode)
        self.setSourceVolumeNode(volumeNode)

    def view(self, name: str):
        """A slice view: "Red" (axial), "Yellow" (sagittal) or "Green" (coronal)."""
        return slicer.app.layoutManager().sliceWidget(name)

    def activate(self, name: str):
        """Press an effect's button; returns the Python effect."""
        effect = self.effectByName(name)
        assert effect is not None, f"no effect {name}: {self.availableEffectNames()}"
        assert self.effectIsEnabled(effect), f"the button of {name} is disabled"
        self.setActiveEffect(effect)
        return effect.self()

    def deactivate(self):
        """Press the arrow."""
        self.setActiveEffect(None)

    def voxels(self, segmentID: str | None = None):
        """The selected or another segment on the source volume's grid: booleans (k, j, i)."""
        return voxelsOf(
            self.segmentationNode(), segmentID or self.currentSegmentID(), self.sourceVolumeNode()
        )
