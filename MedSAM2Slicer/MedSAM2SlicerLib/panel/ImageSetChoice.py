"""Which images make up a set, and where its results go."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import qt
import slicer
from slicer.i18n import tr as _

from ..SlicerTypes import Widget
from .Widgets import besides, button, fact, row, sentence, showProblem

LIST_HEIGHT = 110
Source: TypeAlias = Callable[[Path], list[Path]]
"""Gives the images' files, once the folder for the results, which it is told, is there."""
RESULTS = "_medsam2"
"""What the folder of the results is called after the images' own."""


class ImageSetChoice:
    """Three ways to a set: a folder of images, images of the scene, and a set that was begun before.

    Args:
        onBegin: called with the source of the images, and the folder for the results.
        onOpen: called with the folder of an earlier set.
        problem: label for what went wrong.
    """

    def __init__(
        self,
        onBegin: Callable[[Source, Path], None],
        onOpen: Callable[[Path], object],
        problem: Widget,
    ):
        self._onBegin, self._onOpen, self._problem = onBegin, onOpen, problem
        self._source: Source | None = None
        self._place: Path | None = None
        self.widget = qt.QWidget()
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self._images = _ticks()
        self._what, self._where = fact(), fact()
        self._other = button(_("Other place…"), self._onOtherPlace)
        self._begin = button(_("Begin"), self._onBeginPressed, _("Makes the folder and shows the images."))
        layout.addWidget(
            sentence(
                _(
                    "One image that you segment shows MedSAM2 what to look for in many others: in colour or "
                    "grey, of any size, in any order. It runs on this computer."
                )
            )
        )
        self._folder = button(_("Folder of images…"), self._onFolder)
        self._scene = button(
            _("Images of the scene"), self._onScene, _("Volumes of one slice that are loaded.")
        )
        self._earlier = button(
            _("Earlier set…"), self._onEarlier, _("Goes on where you were, by its folder.")
        )
        layout.addWidget(besides(self._folder, self._scene, self._earlier))
        for each in (self._images, self._what, self._where):
            layout.addWidget(each)
        layout.addLayout(row(self._begin, self._other))
        self._show("", None, None)

    def _show(self, what: str, source: Source | None, place: Path | None) -> None:
        self._source, self._place = source, place
        self._what.setText(what)
        self._where.setText("" if place is None else _("Results: {folder}").format(folder=place))
        self._what.visible = bool(what)
        for each in (self._where, self._begin, self._other):
            each.visible = place is not None
        self._images.visible = source == self._exported
        showProblem(self._problem, "")

    def _onFolder(self) -> None:
        chosen = qt.QFileDialog.getExistingDirectory(self.widget, _("Folder of images"), "")
        if not chosen:
            return
        # Here, as the panel opens before what they need is installed.
        from medsam2.errors import InputError
        from medsam2.image_sets.finding import find_images

        folder = Path(chosen)
        place = folder.with_name(folder.name + RESULTS)
        try:
            paths = find_images([chosen], None, place)
        except InputError as error:
            showProblem(self._problem, str(error))
            return
        what = _("{count} images in {folder}").format(count=len(paths), folder=folder)
        self._show(what, lambda _folder: paths, place)

    def _onScene(self) -> None:
        from ..logic.SceneImages import sceneImages

        images = sceneImages()
        if not images:
            showProblem(
                self._problem, _("No image of one slice is loaded: load some, or choose a folder of images.")
            )
            return
        self._images.clear()
        for node in images:
            item = qt.QListWidgetItem(node.GetName(), self._images)
            item.setData(qt.Qt.UserRole, node.GetID())
            item.setCheckState(qt.Qt.Checked)
        root = Path(slicer.mrmlScene.GetRootDirectory() or Path.home())
        what = _("The images with a tick are copied into the folder of the results.")
        self._show(what, self._exported, root / f"image_set{RESULTS}")

    def _exported(self, folder: Path) -> list[Path]:
        from ..logic.SceneImages import exportImage

        items = [self._images.item(number) for number in range(self._images.count)]
        ticked = [each.data(qt.Qt.UserRole) for each in items if each.checkState() == qt.Qt.Checked]
        nodes = [slicer.mrmlScene.GetNodeByID(each) for each in ticked]
        return [exportImage(node, folder / "images") for node in nodes if node is not None]

    def _onOtherPlace(self) -> None:
        title = _("Folder for the results")
        chosen = qt.QFileDialog.getExistingDirectory(self.widget, title, str(self._place))
        if chosen:
            self._show(self._what.text, self._source, Path(chosen))

    def _onEarlier(self) -> None:
        chosen = qt.QFileDialog.getExistingDirectory(self.widget, _("Folder of an earlier set"), "")
        if not chosen:
            return
        # Not by SetFolder, which may not be loaded before what it needs is installed.
        if not (Path(chosen) / "review.sqlite").is_file():
            showProblem(
                self._problem,
                _("{folder} is no set: choose the folder that its results went to.").format(folder=chosen),
            )
            return
        self._show("", None, None)
        self._onOpen(Path(chosen))

    def _onBeginPressed(self) -> None:
        if self._source is not None and self._place is not None:
            self._onBegin(self._source, self._place)

    def begun(self) -> None:
        """The set is open: nothing is to be chosen any more."""
        self._show("", None, None)


def _ticks() -> Widget:
    images = qt.QListWidget()
    images.accessibleName = _("Images of the scene")
    images.setFixedHeight(LIST_HEIGHT)
    return images
