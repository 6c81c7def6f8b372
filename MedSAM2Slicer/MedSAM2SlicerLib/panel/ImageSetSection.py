"""The part of the panel about image sets: choose images, review what one segmented image makes of them."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import qt
import slicer
from slicer.i18n import tr as _

from ..backend.BackendManager import BackendManager
from ..backend.BackgroundCommand import BackgroundCommand
from . import DependencyInstaller
from .ImageReviewFrame import ImageReviewFrame
from .ImageSetChoice import ImageSetChoice, Source
from .ReviewWords import keptInWords
from .SceneLoading import SceneLoading
from .Widgets import besides, button, fact, problem, section, showProblem, wideRow

if TYPE_CHECKING:
    from ..logic.ImageSetReview import ImageSetReview
    from ..logic.ImageSetScene import ImageSetScene

STATUS_MILLISECONDS = 5000
MANY = 50
"""Images; before more than that are loaded into the scene, a question is asked."""


class ImageSetSection:
    """Opens sets, runs the command, and loads results.

    Args:
        manager: whose settings say which weights and which device a run takes.
    """

    def __init__(self, manager: BackendManager):
        self._manager = manager
        self.review: ImageSetReview | None = None
        self._scene: ImageSetScene | None = None
        self._commands: list[BackgroundCommand] = []
        self._loading: SceneLoading | None = None
        self._started = 0.0
        self.widget, layout = section(_("Image sets"))
        self._problem = problem()
        self.choice = ImageSetChoice(self._begin, self.openSet, self._problem)
        self.frame = ImageReviewFrame(self.run)
        self._place, self._progress = fact(), fact()
        self._bar = qt.QProgressBar()
        self._run = button(_("Run"), self.run, _("Looks for the object in all images that are not decided."))
        self._cancel = button(_("Cancel"), self._onCancel, _("What has been found stays."))
        self._load = button(
            _("Load into the scene"),
            self._onLoad,
            _("Images that you accepted or segmented, each with its segmentation below it."),
        )
        self._files = button(_("Show files"), self._onFiles)
        self._close = button(_("Close the set"), self.close, _("It goes on with Earlier set."))
        for each in (self.choice.widget, self._problem, self._place, self.frame.widget, self._progress):
            layout.addWidget(each)
        layout.addLayout(wideRow(self._bar, self._run, self._cancel))
        layout.addWidget(besides(self._load, self._files, self._close))
        self.update()

    def cleanup(self) -> None:
        """Leave the set; it goes on when it is opened again."""
        if self._loading is not None:
            self._loading.cancel()
        if self.review is not None:
            self.review.close()
        self.review = self._scene = self._loading = None
        self.frame.cleanup()
        self.update()

    # Opening and closing

    def _begin(self, source: Source, folder: Path) -> None:
        if not self.openSet(folder) or self.review is None:
            return
        self._try(lambda: self._add(source(folder)))

    def _add(self, files: list[Path]) -> None:
        assert self.review is not None
        self.review.add(files)
        self.frame.showAgain()
        self._updateFiles(self.review.folder)

    def openSet(self, folder: Path) -> bool:
        """Show the set in a folder, which is made if it is not there; whether that was possible."""
        if DependencyInstaller.missing(server=False):
            showProblem(self._problem, _missing(bool(self._manager.settings.serverUrl)))
            return False
        from ..logic.ImageSetReview import ImageSetReview
        from ..logic.ImageSetScene import ImageSetScene

        self.close()

        def open_() -> None:
            self.review = ImageSetReview(folder, self._manager.settings, self._onChanged, self._onRun)

        if not self._try(open_) or self.review is None:
            return False
        self._scene = ImageSetScene(folder)
        self.choice.begun()
        self.frame.open(self.review, self._scene)
        self._updateFiles(folder)
        self.update()
        return True

    def close(self) -> None:
        """Likewise, and bring its files up to date."""
        folder = None if self.review is None else self.review.folder
        self.cleanup()
        if folder is not None:
            self._updateFiles(folder)

    def _try(self, act: Callable[[], object]) -> bool:
        """Do something that a person may have asked in vain: then one sentence says why."""
        from medsam2.errors import InputError

        try:
            act()
        except (InputError, OSError) as error:
            showProblem(self._problem, str(error))
            return False
        showProblem(self._problem, "")
        return True

    # What is going on

    def update(self) -> None:
        """Show what is so now."""
        review, loading = self.review, self._loading
        isOpen, isRunning = review is not None, review is not None and review.running
        self.choice.widget.visible = not isOpen
        for each in (self._place, self.frame.widget, self._run, self._load, self._files, self._close):
            each.visible = isOpen
        isLoading = loading is not None and bool(loading.left)
        self._bar.visible = self._cancel.visible = isRunning or isLoading
        self._progress.visible = isRunning or isLoading
        if review is None:
            return
        self._place.setText(_("Results: {folder}").format(folder=review.folder))
        self._run.enabled = bool(review.templates()) and not isRunning
        self._load.enabled = bool(review.templates()) and not isLoading
        if isRunning:
            self._bar.setRange(0, round(2 * review.total))
            self._bar.setValue(round(2 * review.done))
            self._progress.setText(self._pace(review))
        self.frame.update()

    def _pace(self, review: "ImageSetReview") -> str:
        if not review.done:
            self._started = time.monotonic()
            return _("Starting; the first time this takes half a minute.")
        seconds = (time.monotonic() - self._started) / review.done * (review.total - review.done)
        text = _("{done} of {total} images; about {minutes} min left")
        return text.format(done=int(review.done), total=review.total, minutes=max(round(seconds / 60), 1))

    @property
    def filesAreMade(self) -> bool:
        """Whether thumbnails, masks and tables are being brought up to date."""
        return any(command.running for command in self._commands)

    def _updateFiles(self, folder: Path) -> None:
        """Have the command do it: reading large pictures would hold Slicer."""
        self._commands = [command for command in self._commands if command.running]
        self._commands.append(
            BackgroundCommand(
                ("set-files", str(folder), "--json"),
                self._onMadeFile,
                lambda failure: self.frame.changedAll(),
            )
        )

    def _onMadeFile(self, answer: dict) -> None:
        self.frame.changed([answer.get("name", "")])
        if answer.get("kept_masks"):
            showProblem(self._problem, keptInWords(answer["kept_masks"]))

    def _endFiles(self) -> None:
        for command in self._commands:
            command.cancel()

    # The run

    def run(self) -> None:
        """Have the network look for the object."""
        if self.review is not None:
            showProblem(self._problem, "")
            if not self.review.running:
                self._endFiles()  # they hold the set against the run, which makes them too
            self.review.run()

    def _onChanged(self, names: Iterable[str]) -> None:
        self.frame.changed(names)
        self.update()

    def _onRun(self) -> None:
        if self.review is not None and not self.review.running:
            showProblem(self._problem, self.review.failure or keptInWords(self.review.keptMasks))
            self.frame.showDoubtful()
        self.update()

    def _onCancel(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        if self.review is not None:
            self.review.cancel()

    # Results

    def _onLoad(self) -> None:
        if self.review is None or self._scene is None:
            return
        names = self.review.templates()
        question = _("Load {count} images with their segmentations into the scene?").format(count=len(names))
        if len(names) > MANY and not slicer.util.confirmOkCancelDisplay(question, "MedSAM2"):
            return
        self._loading = SceneLoading(self.review, self._scene, names, self._onLoaded)
        self._bar.setRange(0, len(names))
        self.update()

    def _onLoaded(self) -> None:
        if self._loading is not None:
            left = len(self._loading.left)
            self._bar.setValue(self._bar.maximum - left)
            text = _("{count} images are still to be loaded.")
            self._progress.setText(text.format(count=left))
            if not left:
                showProblem(self._problem, " ".join(self._loading.failures[:3]))
                slicer.util.showStatusMessage(_("The images are in the scene."), STATUS_MILLISECONDS)
        self.update()

    def _onFiles(self) -> None:
        if self.review is not None:
            self._updateFiles(self.review.folder)
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.review.folder)))


def _missing(atServer: bool) -> str:
    if atServer:
        return _(
            "Image sets run on this computer, where something is missing: below Where it runs choose This "
            "computer, then see Installation."
        )
    return _("Something is missing: see Installation above.")
