"""The module MedSAM2: registers the effect of Segment Editor at start-up, and shows the panel."""

import os
import sys
import time
from typing import Any

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

HOMEPAGE = "https://github.com/MedSAM2Slicer/SlicerMedSAM2"
FOLDER = os.path.dirname(os.path.abspath(__file__))
EFFECT = "MedSAM2SlicerLib/SegmentEditorEffect.py"
THUMBNAIL = "Icons/MedSAM2SyntheticCt.png"


class MedSAM2Slicer(ScriptedLoadableModule):
    """What Slicer shows of the module, and what happens at start-up; both cost next to nothing."""

    def __init__(self, parent: Any):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("MedSAM2")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        parent.dependencies = ["Segmentations"]
        parent.contributors = ["MedSAM2Slicer contributors"]
        parent.helpText = _(
            "Sets up the effect MedSAM2 of Segment Editor: click once on a slice of a CT or MR, and the mask "
            "grows through the whole volume. It runs on this computer, or on a server that you name. "
            "Research software, not for diagnosis."
        )
        parent.helpText += f'<p><a href="{HOMEPAGE}">{HOMEPAGE}</a></p>'
        parent.acknowledgementText = _(
            "The network and its memory are described in Zhu et al., Medical SAM 2 (arXiv:2408.00874), "
            "and Ravi et al., SAM 2 (arXiv:2408.00714)."
        )
        _findPackage()
        slicer.app.connect("startupCompleted()", self.onStartupCompleted)

    def onStartupCompleted(self) -> None:
        """Register what other modules show."""
        self.registerEffect()
        from MedSAM2SlicerLib.panel.SyntheticCt import registerSyntheticCt

        registerSyntheticCt(self.resourcePath(THUMBNAIL))
        slicer.app.connect("aboutToQuit()", self.onQuit)

    def registerEffect(self) -> None:
        """Put the effect into Segment Editor."""
        # Slicer takes the class from the package if that is loaded; loading the file alone, as it would do
        # otherwise, leaves the file's relative imports without a package.
        import MedSAM2SlicerLib  # noqa: F401
        import qSlicerSegmentationsEditorEffectsPythonQt as effects

        effect = effects.qSlicerSegmentEditorScriptedEffect(None)
        effect.setPythonSource(f"{FOLDER}/{EFFECT}".replace("\\", "/"))
        effect.self().register()

    def onQuit(self) -> None:
        """End the backend with Slicer."""
        from MedSAM2SlicerLib.backend.BackendManager import backendManager

        backendManager().quit()


class MedSAM2SlicerWidget(ScriptedLoadableModuleWidget):
    """Holds the panel."""

    def setup(self) -> None:
        """Build it when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        from MedSAM2SlicerLib.backend.BackendManager import backendManager
        from MedSAM2SlicerLib.panel.ModulePanel import ModulePanel

        self.panel = ModulePanel(backendManager(), HOMEPAGE)
        self.layout.addWidget(self.panel.widget)
        self.layout.addStretch(1)

    def enter(self) -> None:
        """The module is opened: something may have changed meanwhile."""
        self.panel.update()

    def cleanup(self) -> None:
        """The module is unloaded."""
        self.panel.cleanup()


class MedSAM2SlicerTest(ScriptedLoadableModuleTest):
    """Run by Slicer's Self Tests module, by *Reload and Test*, and by ctest."""

    def runTest(self) -> None:
        """All tests."""
        slicer.mrmlScene.Clear(0)
        self.test_effectIsRegistered()
        self.test_syntheticCt()
        self.test_backend()

    def test_effectIsRegistered(self) -> None:
        """Segment Editor has the effect."""
        editor = slicer.qMRMLSegmentEditorWidget()
        editor.setMRMLScene(slicer.mrmlScene)
        assert editor.effectByName("MedSAM2") is not None
        self.delayDisplay("The effect is registered.")

    def test_syntheticCt(self) -> None:
        """The sample data can be made and loaded."""
        from MedSAM2SlicerLib.panel.SyntheticCt import loadSyntheticCt

        assert loadSyntheticCt().GetImageData().GetDimensions() == (160, 160, 32)
        self.delayDisplay("The synthetic CT is loaded.")

    def test_backend(self) -> None:
        """The panel's self-test, where everything that it needs is installed."""
        from MedSAM2SlicerLib.backend.BackendManager import backendManager
        from MedSAM2SlicerLib.panel import DependencyInstaller
        from MedSAM2SlicerLib.panel.SelfTest import Report, SelfTest

        lacking = DependencyInstaller.missing(server=False)
        if lacking:
            # A build machine has neither torch nor a network; that is no fault of the module.
            self.delayDisplay(f"The backend is not tested: {lacking[0].name} is not installed.")
            return
        reports: list[Report] = []
        test = SelfTest(backendManager().newClient(), reports.append)
        test.start()
        while not reports:  # a test may wait; the product never does
            slicer.app.processEvents()
            time.sleep(0.01)
        assert not reports[0].problem, reports[0].text
        self.delayDisplay(reports[0].text)


def _findPackage() -> None:
    """Let ``import medsam2`` find the package that comes with the module."""
    logic = os.path.join(FOLDER, "Logic")
    if logic not in sys.path:
        sys.path.insert(0, logic)
