"""The module's panel: one section below the other, and links to help."""

import qt
from slicer.i18n import tr as _

import medsam2

from ..backend.BackendManager import BackendManager, endBackends
from ..backend.BackgroundCommand import endCommands
from .ImageSetSection import ImageSetSection
from .InstallSection import InstallSection
from .SelfTestSection import SelfTestSection
from .ServerSection import ServerSection
from .StateSection import StateSection
from .WeightsSection import WeightsSection
from .Widgets import sentence


class ModulePanel:
    """All that is to set up; segmenting itself happens in Segment Editor.

    Args:
        homepage: where the project's documents are.

    Attributes:
        widget: to be put into the module's layout.
    """

    def __init__(self, manager: BackendManager, homepage: str):
        self._manager = manager
        self.widget = qt.QWidget()
        self.state = StateSection(manager)
        self.installation = InstallSection(manager)
        self.server = ServerSection(manager, self.update)
        self.weights = WeightsSection(manager, self.update)
        self.imageSets = ImageSetSection(manager)
        self.selfTest = SelfTestSection(manager)
        layout = qt.QVBoxLayout(self.widget)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(sentence(_introduction()))
        for each in (
            self.state,
            self.installation,
            self.server,
            self.weights,
            self.imageSets,
            self.selfTest,
        ):
            layout.addWidget(each.widget)
        layout.addWidget(sentence(_links(homepage)))

    def update(self) -> None:
        """Show what is so now, as when the panel is opened or a choice was made."""
        self.state.update()
        self.installation.update()
        self.weights.update()
        self.imageSets.update()

    def cleanup(self) -> None:
        """End what the panel has started; the backend goes on for the effect."""
        for each in (self.state, self.weights, self.imageSets, self.selfTest):
            each.cleanup()
        endCommands()
        endBackends()


def _introduction() -> str:
    return _(
        "To segment, open <b>Segment Editor</b>, choose the effect <b>MedSAM2</b>, and click on a slice. "
        "Here you set up what computes the masks. Not for diagnosis."
    )


def _links(homepage: str) -> str:
    links = {
        _("How to use it"): f"{homepage}/blob/main/docs/slicer.md",
        _("Troubleshooting"): f"{homepage}/blob/main/docs/slicer.md#troubleshooting",
        _("Report a problem"): f"{homepage}/issues",
        _("The method"): "https://arxiv.org/abs/2408.00874",
    }
    version = _("Version {version}").format(version=medsam2.__version__)
    return " · ".join([version, *(f'<a href="{address}">{title}</a>' for title, address in links.items())])
