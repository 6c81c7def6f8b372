"""What Slicer would have printed, shown or asked: kept, so that tests can look at it.

Slicer swallows exceptions of scripted effects and of Qt slots: it prints them and goes on. So do the
fakes, but what was swallowed and not taken by the test fails it in the end.
"""

import sys
import traceback
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Popup:
    """A message or a question put before the user. ``kind`` is error, warning, info, confirm, ..."""

    kind: str
    text: str
    title: str = ""


@dataclass
class Journal:
    """One test's record. ``answers``: what the user will answer, by kind of popup."""

    exceptions: list[BaseException] = field(default_factory=list)
    criticals: list[str] = field(default_factory=list)
    vtkErrors: list[str] = field(default_factory=list)
    popups: list[Popup] = field(default_factory=list)
    statusMessages: list[str] = field(default_factory=list)
    pipRequests: list[tuple] = field(default_factory=list)
    answers: dict = field(default_factory=dict)

    def clear(self):
        """Forget everything, answers too."""
        for value in vars(self).values():
            value.clear()

    def swallow(self, exception: BaseException):
        """Print an exception and keep it, as PythonQt's error handler prints it and goes on."""
        traceback.print_exception(exception)
        self.exceptions.append(exception)

    def critical(self, text: str):
        """Qt's qCritical and qWarning, PythonQt's own complaints."""
        print(text, file=sys.stderr)
        self.criticals.append(text)

    def ask(self, kind: str, text: str, default, title: str = ""):
        """Put something before the user and return the answer prepared for that kind."""
        self.popups.append(Popup(kind, text, title))
        return self.answers.get(kind, default)

    def take(self, kind: str) -> list:
        """Return and forget all of one kind (a field's name): the test has seen them."""
        entries = getattr(self, kind)
        taken = list(entries)
        entries.clear()
        return taken

    def assertNothingWentWrong(self):
        """Fail on whatever was swallowed, printed as critical or reported by VTK, and not taken."""
        wrong = [f"{type(each).__name__}: {each}" for each in self.exceptions]
        wrong += self.criticals + self.vtkErrors
        assert not wrong, "went wrong in silence:\n" + "\n".join(wrong)


JOURNAL = Journal()
