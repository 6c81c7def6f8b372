"""Where the backend runs: on this computer, or on a server that images are then sent to."""

from collections.abc import Callable

import qt
from slicer.i18n import tr as _

from ..backend.BackendManager import BackendManager
from ..SlicerTypes import FormLayout, Widget
from . import DependencyInstaller
from .Widgets import button, problem, row, section, sentence, showProblem, wideRow

DEVICES = ("auto", "cpu", "cuda", "mps")
SPEEDS = ("exact", "fast")


class ServerSection:
    """Choices that take effect with *Apply*.

    The token goes to the manager's memory and nowhere else: not into settings, the scene or a log.

    Args:
        onApplied: called after the choices have changed.
    """

    def __init__(self, manager: BackendManager, onApplied: Callable[[], None]):
        self._manager = manager
        self._onApplied = onApplied
        self.widget, layout = section(_("Where it runs"))
        self._here = qt.QRadioButton(_("This computer; no image leaves it"))
        self._away = qt.QRadioButton(_("A server"))
        self._speed = qt.QComboBox()
        self._device, self._address, self._caFile, self._token = (
            qt.QComboBox(),
            qt.QLineEdit(),
            qt.QLineEdit(),
            qt.QLineEdit(),
        )
        self._hereFrame, self._awayFrame = self._makeHere(), self._makeAway()
        self._problem = problem()
        for each in (self._here, self._hereFrame, self._away, self._awayFrame, self._problem):
            layout.addWidget(each)
        self.apply = button(_("Apply"), self._onApply, _("Ends the running backend."))
        layout.addLayout(row(self.apply))
        self._here.connect("toggled(bool)", self._onPlaceChanged)
        self.update()

    def _makeHere(self) -> Widget:
        frame, form = _indented()
        names = (
            _("Automatic: NVIDIA, then Apple, then the processor"),
            _("Processor (CPU)"),
            _("NVIDIA graphics card (CUDA)"),
            _("Apple graphics (MPS)"),
        )
        for device, name in zip(DEVICES, names, strict=True):
            self._device.addItem(name, device)
        form.addRow(_("Device:"), self._device)
        for speed, name in zip(SPEEDS, (_("Exact"), _("Fast")), strict=True):
            self._speed.addItem(name, speed)
        self._speed.toolTip = _(
            "Fast takes shortcuts where this computer has them: masks come sooner, and differ a little along "
            "their outlines and where the object ends."
        )
        form.addRow(_("Speed:"), self._speed)
        return frame

    def _makeAway(self) -> Widget:
        frame, form = _indented()
        self._address.placeholderText = "wss://server.hospital.org:8443"
        self._caFile.accessibleName = _("Certificate authority")
        self._caFile.placeholderText = _("optional PEM file")
        self._token.setEchoMode(qt.QLineEdit.Password)
        choose = button(_("Choose…"), self._onChooseCaFile)
        form.addRow(_("Address:"), self._address)
        form.addRow(_("Certificate authority:"), wideRow(self._caFile, choose))
        form.addRow(_("Token:"), self._token)
        form.addRow(
            sentence(
                _(
                    "The voxels of the volume that you segment, their spacing, what you click, draw and "
                    "paint on it, and where the mouse rests are sent to this server; names and other patient "
                    "data are not. Ask whether your rules allow it. The token is forgotten when Slicer ends."
                )
            )
        )
        return frame

    def update(self) -> None:
        """Show what is chosen now."""
        settings = self._manager.settings
        away = bool(settings.serverUrl)
        self._here.checked, self._away.checked = not away, away
        self._device.currentIndex = max(self._device.findData(settings.device), 0)
        self._speed.currentIndex = max(self._speed.findData(settings.speed), 0)
        self._address.text = settings.serverUrl
        self._caFile.text = settings.caFile
        self._onPlaceChanged()

    def _onPlaceChanged(self) -> None:
        self._hereFrame.visible = self._here.checked
        self._awayFrame.visible = self._away.checked

    def _onChooseCaFile(self) -> None:
        title, kinds = _("Certificate authority"), "PEM (*.pem *.crt *.cer)"
        path = qt.QFileDialog.getOpenFileName(self.widget, title, self._caFile.text, kinds)
        if path:
            self._caFile.text = path

    def _onApply(self) -> None:
        address = self._address.text.strip() if self._away.checked else ""
        hindrance = self._hindrance(address)
        showProblem(self._problem, hindrance)
        if hindrance:
            return
        settings = self._manager.settings
        settings.serverUrl, settings.caFile = address, self._caFile.text.strip()
        settings.device = self._device.itemData(self._device.currentIndex)
        settings.speed = self._speed.itemData(self._speed.currentIndex)
        if self._token.text:
            self._manager.setToken(self._token.text)
            self._token.clear()
            self._token.placeholderText = _("given; type another one to change it")
        self._manager.restart()
        self._onApplied()

    def _hindrance(self, address: str) -> str:
        """Why these choices cannot be used, in one sentence; empty when they can."""
        if self._here.checked:
            return ""
        if DependencyInstaller.missing(server=True):
            return _("Packages for the connection are missing: see Installation above.")
        from medsam2.client import ClientError, RemoteBackend

        try:
            RemoteBackend(address, "")  # the client's own rules, such as no images without encryption
        except ClientError as error:
            return str(error)
        return ""


def _indented() -> tuple[Widget, FormLayout]:
    """A form that is set off from the radio button above it: its frame, and the layout to fill."""
    frame = qt.QWidget()
    form = qt.QFormLayout(frame)
    form.setContentsMargins(24, 0, 0, 4)
    return frame, form
