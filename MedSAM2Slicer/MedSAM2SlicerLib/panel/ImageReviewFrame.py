"""Reviews an image set: the grid, what a person decides, and the way to Segment Editor and back."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import qt
from slicer.i18n import tr as _

from ..effect.Theme import themeOf
from ..SlicerTypes import Button, Icon
from . import ReviewGrid as grids
from .ReviewGrid import ReviewGrid
from .ReviewWords import captionOf, countsInWords, emptiedInWords, filters, keysInWords, nextStep, sentenceOn
from .Thumbnails import thumbnail
from .Widgets import besides, button, fact, problem, sentence, showProblem, wideRow

if TYPE_CHECKING:
    from ..logic.ImageSetReview import ImageSetReview
    from ..logic.ImageSetScene import ImageSetScene

DECISIONS = {grids.ACCEPT: "accepted", grids.REJECT: "rejected", grids.ABSENT: "absent"}


class ImageReviewFrame:
    """Shows the set that ``open`` gives it; nothing before.

    Args:
        onMask: called when a person's own mask has become part of the set.

    Attributes:
        segmenting: the name of the image that was opened in Segment Editor; empty for none.
    """

    def __init__(self, onMask: Callable[[], None]):
        self._onMask = onMask
        self._review: ImageSetReview | None = None
        self._scene: ImageSetScene | None = None
        self.segmenting = ""
        self.widget = qt.QWidget()
        self.grid = ReviewGrid(self._iconOf, self._wordsOf, self.act, self.update)
        self._counts, self._chosen, self._next, self._problem = fact(), fact(), sentence(), problem()
        self._filter = qt.QComboBox()
        self._filter.accessibleName = _("Images that are shown")
        for words in filters():
            self._filter.addItem(words)
        self._filter.connect("currentIndexChanged(int)", self.showAgain)
        self._accept = self._button(_("Accept"), grids.ACCEPT, _("The outline is right (Enter)."))
        self._reject = self._button(_("Reject"), grids.REJECT, _("The outline is wrong (R)."))
        self._absent = self._button(_("Absent"), grids.ABSENT, _("The object is not in this image (A)."))
        self._undo = self._button(_("Undo"), grids.UNDO, _("Take back the last decision (Ctrl + Z)."))
        self._segment = self._button(
            _("Segment it…"), grids.CORRECT, _("Opens the image in Segment Editor (C or a double click).")
        )
        self._use = button(
            _("Use this mask"), self._onUse, _("The network learns from it, as from all that you accept.")
        )
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(wideRow(self._counts, self._filter))
        layout.addWidget(self.grid.widget)
        layout.addWidget(self._chosen)
        layout.addWidget(besides(self._accept, self._reject, self._absent, self._undo))
        layout.addWidget(besides(self._segment, self._use))
        layout.addWidget(self._problem)
        layout.addWidget(self._next)
        self.grid.widget.accessibleDescription = keysInWords()

    def _button(self, text: str, action: str, toolTip: str) -> Button:
        return button(text, lambda: self.act(action), toolTip)

    # The set

    def open(self, review: "ImageSetReview", scene: "ImageSetScene") -> None:
        """Show a set."""
        self._review, self._scene, self.segmenting = review, scene, ""
        self.showAgain()

    def cleanup(self) -> None:
        """Show nothing any more."""
        self._review = self._scene = None
        self.grid.show([])
        self.grid.cleanup()

    def showAgain(self) -> None:
        """Show the images of the chosen kind, in the order that they have now."""
        if self._review is not None:
            states = list(filters().values())[self._filter.currentIndex]
            self.grid.show(self._review.names(states))
        self.update()

    def showDoubtful(self) -> None:
        """Likewise, with the most doubtful proposal first, unless one is being looked at."""
        review, chosen = self._review, self.grid.chosen
        self.showAgain()
        if review is not None and chosen in review.records and review.records[chosen].state != "proposed":
            self.grid.choose(next(iter(review.names(("proposed",))), chosen))

    def changed(self, names: Iterable[str]) -> None:
        """Something about these images is another now."""
        self.grid.refresh(names)
        self.update()

    def changedAll(self) -> None:
        """All images may look different now."""
        self.changed([] if self._review is None else self._review.names())

    def update(self) -> None:
        """Show what is so now."""
        review = self._review
        record = None if review is None else review.records.get(self.grid.chosen)
        hasMask = record is not None and record.pixels is not None
        self._accept.enabled = hasMask
        self._reject.enabled = record is not None and record.state in ("proposed", "accepted", "prompted")
        self._absent.enabled = self._segment.enabled = record is not None
        self._use.enabled = bool(self.segmenting)
        self._chosen.setText("" if record is None else sentenceOn(record))
        if review is not None:
            self._counts.setText(countsInWords(review))
            self._next.setText(nextStep(review, self.segmenting))

    def _iconOf(self, name: str) -> Icon:
        assert self._review is not None
        review, ratio = self._review, self.widget.devicePixelRatioF()
        record = review.records[name]
        mask = None if record.state == "rejected" else review.mask(name)
        picture = review.files.thumbnail(name)
        return grids.icon(thumbnail(picture, record, mask, themeOf(self.widget), grids.SIDE, ratio))

    def _wordsOf(self, name: str) -> tuple[str, str]:
        assert self._review is not None
        record = self._review.records[name]
        return captionOf(record), f"{sentenceOn(record)}\n{keysInWords()}"

    # What a person does

    def act(self, action: str) -> None:
        """Do to the chosen image what a key or a button stands for."""
        if self._review is None or (not self.grid.chosen and action != grids.UNDO):
            return
        review, name = self._review, self.grid.chosen
        wasAbsent = name in review.records and review.records[name].state == "absent"
        isDone = self._try(lambda: self._act(review, action))
        isEmptied = not wasAbsent and action == grids.ACCEPT and review.records[name].state == "absent"
        if isDone and isEmptied:
            showProblem(self._problem, emptiedInWords(name))
        self.update()

    def _try(self, act: Callable[[], object]) -> bool:
        """Do something that may be refused: then one sentence says why."""
        from medsam2.errors import InputError

        from ..logic.SegmentationGrid import GridError

        try:
            act()
        except (InputError, GridError) as error:
            showProblem(self._problem, str(error))
            return False
        showProblem(self._problem, "")
        return True

    def _act(self, review: "ImageSetReview", action: str) -> None:
        if action == grids.UNDO:
            name = review.undo()
            if name is not None:
                self.grid.choose(name)
        elif action == grids.CORRECT:
            self._openInEditor(review)
        else:
            review.decide(self.grid.chosen, DECISIONS[action])
            self.grid.choose(self.grid.next(lambda each: review.records[each].state == "proposed"))

    def _openInEditor(self, review: "ImageSetReview") -> None:
        assert self._scene is not None
        from ..logic.EditorOfImage import editImage

        name = self.grid.chosen
        volume, segmentation = self._scene.open(review.records[name], review.mask(name))
        self.segmenting = name
        editImage(volume, segmentation)

    def _onUse(self) -> None:
        if self._review is None or self._scene is None:
            return
        name, review, scene = self.segmenting, self._review, self._scene

        def keep() -> None:
            record = review.records[name]
            mask = scene.painted(record)
            review.prompt(name, mask)
            scene.noteKept(record, mask)

        if self._try(keep):
            self.segmenting = ""
            self.grid.choose(name)
            self._onMask()
