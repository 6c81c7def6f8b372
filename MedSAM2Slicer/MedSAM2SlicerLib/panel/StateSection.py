"""What the backend is and does, in words: the first part of the module's panel."""

import qt
from slicer.i18n import tr as _

from ..backend import Machine
from ..backend.BackendManager import BackendManager, BackendState
from . import DependencyInstaller
from .Widgets import button, fact, problem, row, section, sentence, showProblem, textBox

LOG_HEIGHT = 140


class StateSection:
    """Follows the ``BackendManager``; starts and stops it by hand."""

    def __init__(self, manager: BackendManager):
        self._manager = manager
        self.widget, self._layout = section(_("State"), collapsed=False)
        self._labels = {name: fact() for name in ("place", "device", "weights", "memory")}
        self._labels["state"] = sentence()
        self._problem = problem()
        self._start = button(_("Start"), self._onStart, _("Start the backend now instead of at first use."))
        self._stop = button(_("Stop"), self._onStop, _("End the backend; it frees its memory."))
        self._logButton = button(_("Show log"), self._onLog, _("The end of what the backend wrote."))
        self._log = textBox(_("Log of the backend"), LOG_HEIGHT)
        self._logShown = False
        self._layOut()
        manager.addObserver(self.update)
        self.update()

    def _layOut(self) -> None:
        form = qt.QFormLayout()
        titles = {
            "state": _("Backend:"),
            "place": _("Where:"),
            "device": _("Device:"),
            "weights": _("Weights:"),
            "memory": _("Memory:"),
        }
        for name, title in titles.items():
            form.addRow(title, self._labels[name])
        self._layout.addLayout(form)
        self._layout.addWidget(self._problem)
        self._layout.addLayout(row(self._start, self._stop, self._logButton))
        self._layout.addWidget(self._log)

    def cleanup(self) -> None:
        """Follow the backend no longer."""
        self._manager.removeObserver(self.update)

    def update(self) -> None:
        """Show the state as it is now."""
        manager, ready = self._manager, self._manager.ready
        state, settings = manager.state, manager.settings
        later = _("known once it runs")
        self._labels["state"].setText(f"<b>{stateInWords(state)}</b>")
        self._labels["place"].setText(_placeInWords(settings.serverUrl))
        chosen = "auto" if settings.serverUrl else settings.device
        self._labels["device"].setText(deviceInWords(ready.device, chosen) if ready else later)
        weights = later if settings.serverUrl else settings.weights
        self._labels["weights"].setText(ready.weights if ready else weights)
        self._labels["memory"].setText(_memoryInWords(bool(settings.serverUrl)))
        showProblem(self._problem, manager.failure)
        running = state not in (BackendState.STOPPED, BackendState.CLOSED, BackendState.FAILED)
        self._start.enabled = not running
        self._stop.enabled = running
        self._log.visible = self._logShown
        self._logButton.text = _("Hide log") if self._logShown else _("Show log")
        if self._logShown:
            self._log.setPlainText(manager.logTail() or _("The log is empty."))

    def _onStart(self) -> None:
        if DependencyInstaller.missing(server=bool(self._manager.settings.serverUrl)):
            showProblem(self._problem, _("Something is missing: see Installation below."))
            return
        from medsam2.client import ClientError

        try:
            self._manager.client()
        except ClientError as error:
            showProblem(self._problem, str(error))

    def _onStop(self) -> None:
        self._manager.stop()

    def _onLog(self) -> None:
        self._logShown = not self._logShown
        self.update()


def stateInWords(state: BackendState) -> str:
    """A state as a sentence."""
    sentences = {
        BackendState.STOPPED: _(
            "Not running. It starts when the effect is chosen; a server is asked at the first click."
        ),
        BackendState.STARTING: _("Starting; the first time this takes half a minute."),
        BackendState.CONNECTING: _("Connecting."),
        BackendState.READY: _("Ready."),
        BackendState.RESTORING: _("Connecting again, and telling it what it knew."),
        BackendState.CLOSED: _("Not running."),
        BackendState.FAILED: _("It cannot be used."),
    }
    return sentences[state]


def deviceInWords(device: str, chosen: str) -> str:
    """Which device is in use and why.

    Args:
        device: as torch names it, such as ``cuda:0``.
        chosen: the setting: auto, or a device.
    """
    kind = device.split(":")[0]
    names = {
        "cpu": _("processor (CPU)"),
        "cuda": _("NVIDIA graphics card (CUDA)"),
        "mps": _("Apple graphics (MPS)"),
    }
    if chosen != "auto":
        reason = _("as chosen below")
    elif kind == "cpu":
        reason = _("PyTorch found no graphics card that it can use")
    else:
        reason = _("found by PyTorch")
    return f"{names.get(kind, device)}; {reason}"


def _placeInWords(serverUrl: str) -> str:
    if not serverUrl:
        return _("this computer; nothing leaves it")
    return _("the server {address}; images are sent to it").format(address=serverUrl)


def _memoryInWords(atServer: bool) -> str:
    if atServer:
        return _("managed by the server")
    free, total = Machine.memoryGigabytes()
    if total is None:
        return _("not known")
    return _("{free:.1f} GB free of {total:.0f} GB").format(free=free, total=total)
