"""The sentence above the effect's buttons, where the user looks."""

import qt

PROBLEM_STYLE = "color: #c0392b"


class StatusMessage:
    """Shows one sentence. A problem stays until the user does something, whatever else there is to say.

    Otherwise the end of what was cancelled would hide why.
    """

    def __init__(self):
        self.label = qt.QLabel()
        self.label.wordWrap = True
        self.label.setTextFormat(qt.Qt.PlainText)  # it may come from a server
        self._isProblem = False

    def show(self, text: str, isProblem: bool = False) -> None:
        """Say something; it is dropped while a problem is shown and this is none."""
        if self._isProblem and not isProblem:
            return
        self._isProblem = isProblem
        self.label.text = text
        self.label.styleSheet = PROBLEM_STYLE if isProblem else ""

    def clearProblem(self) -> None:
        """The user goes on: the problem has been read."""
        if self._isProblem:
            self._isProblem = False
            self.show("")
