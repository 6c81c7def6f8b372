"""Brings many masks of a set into the scene, one image at a time, while Slicer can be used."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import qt

if TYPE_CHECKING:
    from ..logic.ImageSetReview import ImageSetReview
    from ..logic.ImageSetScene import ImageSetScene


class SceneLoading:
    """One image for each look of a timer.

    Args:
        names: of the images.
        onStep: called after each, and at the end.

    Attributes:
        left: names of those that are still to come.
        failures: a sentence for each image that could not be loaded.
    """

    def __init__(
        self, review: "ImageSetReview", scene: "ImageSetScene", names: list[str], onStep: Callable[[], None]
    ):
        self._review, self._scene, self._onStep = review, scene, onStep
        self.left, self.failures = list(names), list[str]()
        self._timer = qt.QTimer()
        self._timer.setInterval(0)
        self._timer.connect("timeout()", self._step)
        self._timer.start()

    def cancel(self) -> None:
        """Leave the others; what is loaded stays."""
        self.left = []

    def _step(self) -> None:
        from ..logic.SegmentationGrid import GridError

        if not self.left:
            self._timer.stop()
        else:
            name = self.left.pop(0)
            try:
                self._scene.open(self._review.records[name], self._review.mask(name))
            except GridError as error:
                self.failures.append(str(error))
        self._onStep()
