"""An image set under review: what is known of its images, a person's decisions, the command at work on it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import qt
from slicer.i18n import tr as _

from ..backend.BackendSettings import BackendSettings
from ..backend.BackgroundCommand import BackgroundCommand

if TYPE_CHECKING:
    from medsam2.image_sets.image_record import ImageRecord
    from medsam2.placed_mask import PlacedMask

HEAR_MILLISECONDS = 300


class ImageSetReview:
    """Reads the review file once, and then what changes: a set may have ten thousand images.

    Args:
        folder: of the set; made if it is not there.
        settings: which weights, device and speed a run takes.
        onChanged: called with the names of images of which something has changed.
        onRun: called when a run has begun, has come on, or has ended.

    Attributes:
        folder: as given; ``files`` says what lies where in it.
        records: what is known of each image, by name, in the order in which ``sort`` found them.
        done, total: of the images that the run works on; 0 before it has said.
        failure: why the last run failed, in one sentence; empty when it did not.

    Raises:
        InputError: the folder cannot be used; of methods also where a decision makes no sense.
    """

    def __init__(
        self,
        folder: Path,
        settings: BackendSettings,
        onChanged: Callable[[Iterable[str]], None],
        onRun: Callable[[], None],
    ):
        # Here, as the panel opens before what it needs is installed.
        from medsam2.image_sets.set_folder import SetFolder

        self.folder, self.files = folder, SetFolder(folder)
        self._settings = settings
        self._onChanged, self._onRun = onChanged, onRun
        self._file = self.files.review()
        self._command: BackgroundCommand | None = None
        self._again = self._isSummedUp = self._isClosed = False
        self._heardOf: set[str] = set()
        self._timer = qt.QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(HEAR_MILLISECONDS)
        self._timer.connect("timeout()", self._hear)
        self.records: dict[str, ImageRecord] = {}
        self.done = self.total = 0
        self.failure = ""
        self.keptMasks: list[str] = []
        self.sort()

    def close(self) -> None:
        """End the run and let go of the file: the set goes on when it is opened again."""
        self._isClosed = True
        self.cancel()
        self._timer.stop()
        self._file.close()

    # What is known

    def add(self, paths: Iterable[Path]) -> None:
        """Take images into the set; those that it has stay as they are."""
        self._file.add(paths)
        self.sort()

    def sort(self) -> None:
        """Read everything anew: the most doubtful first, what is decided last."""
        self.records = {record.name: record for record in self._file.records()}

    def mask(self, name: str) -> "PlacedMask | None":
        """The mask of an image."""
        return self._file.mask(name)

    def names(self, states: Sequence[str] = ()) -> list[str]:
        """Of the images in some states, or of all."""
        return [name for name, record in self.records.items() if not states or record.state in states]

    def templates(self) -> list[str]:
        """Of the images that the network learns the object from: what a person has segmented or accepted."""
        from medsam2.image_sets.image_record import TEMPLATES

        return self.names(TEMPLATES)

    # What a person decides

    def decide(self, name: str, state: str) -> None:
        """Accept, reject, or say that the object is absent."""
        self._check()
        seen = self.records[name]
        try:
            if state == "accepted":
                self._file.accept(name, seen.revision)
            elif state == "rejected":
                self._file.reject(name, seen.revision)
            else:
                self._file.mark_absent(name)
        finally:  # also where it is refused, as a run has changed the answer
            self._reread((name,))

    def undo(self) -> str | None:
        """Take the last decision back; the name of its image, None where there is none."""
        self._check()
        name = self._file.undo()
        if name is not None:
            self._reread((name,))
        return name

    def prompt(self, name: str, mask: np.ndarray) -> None:
        """A person's own mask (rows, columns) of an image: a template, or a correction."""
        from medsam2.placed_mask import PlacedMask
        from medsam2.prompt import Prompt

        self._check()
        record = self.records[name]
        self._file.set_prompt(name, Prompt(record.index, mask=PlacedMask.cropped(mask)))
        self._reread((name,))

    def _check(self) -> None:
        """A file that was deleted can be written to, and nothing would be left of it."""
        from medsam2.errors import InputError

        if not self.files.exists:
            gone = _("{folder} is gone: bring it back, or close the set.")
            raise InputError(gone.format(folder=self.folder))

    def _reread(self, names: Iterable[str]) -> None:
        for name in names:
            self.records[name] = self._file.record(name)
        self._onChanged(names)

    # The command

    @property
    def running(self) -> bool:
        """Whether the command is at work."""
        return self._command is not None and self._command.running

    def run(self) -> None:
        """Have the network answer what is undecided; while it does, once more from the start afterwards."""
        if self.running:
            self._again = True
            return
        self.failure, self.done, self.total = "", 0, 0
        self._isSummedUp = False
        self._again = False
        settings = self._settings
        network = ("--weights", settings.weights, "--device", settings.device, "--speed", settings.speed)
        arguments = ("one-prompt", "-o", str(self.folder), *network, "--renew", "--json")
        self._command = BackgroundCommand(arguments, self._onAnswer, self._onFinished)
        self._onRun()

    def cancel(self) -> None:
        """End the run; what it has answered stays."""
        self._again = False
        if self._command is not None and self.running:
            self._command.cancel()

    def _onAnswer(self, answer: dict) -> None:
        self.done, self.total = answer.get("done", self.done), answer.get("of", self.total)
        self._isSummedUp = self._isSummedUp or "states" in answer
        self.keptMasks = answer.get("kept_masks", self.keptMasks)
        if answer.get("name") in self.records:
            self._heardOf.add(answer["name"])
        if not self._timer.active:
            self._timer.start()

    def _hear(self) -> None:
        """Look at what a run has said lately, all at once: it may say much."""
        names, self._heardOf = self._heardOf, set()
        self._reread(names)
        self._onRun()

    def _onFinished(self, failure: str) -> None:
        # Which images cannot be read, their records say; that they cannot is no failure of the run.
        self.failure = "" if self._isSummedUp else failure
        if self._isClosed:  # the command's end is seen a moment later
            return
        self._timer.stop()
        self.sort()
        if self._again and not self.failure:
            self.run()
        else:
            self._onRun()
