"""What the logic tells the user, whoever shows it."""

from typing import Protocol


class Display(Protocol):
    """Is told what there is to show; ``EffectDisplay`` in Slicer."""

    def redraw(self) -> None:
        """Something to draw has changed."""

    def showSegment(self) -> None:
        """The selected segment may have another name or colour."""

    def showMessage(self, text: str, isProblem: bool = False, log: str = "") -> None:
        """A sentence for the user, and what the backend wrote if that says more."""

    def clearMessage(self) -> None:
        """What was said last is over, be it a problem."""

    def showRunning(self, running: bool) -> None:
        """A propagation began or ended."""

    def showProgress(self, done: int, total: int, slicesPerSecond: float) -> None:
        """A propagation got on."""
