"""``qt`` speaks PythonQt, not PySide6."""

import pytest
import qt
import slicer

from fakes.qt_settings import rereadFromDisk

pytestmark = pytest.mark.usefixtures("aSession")


def test_properties_are_attributes():
    button = qt.QPushButton("Go")
    assert (button.text, button.enabled, button.checked, button.visible) == ("Go", True, False, False)
    button.text, button.enabled, button.toolTip = "Stop", False, "Ends it"
    assert (button.text, button.isEnabled(), button.toolTip) == ("Stop", False, "Ends it")


def test_a_property_cannot_be_called():
    with pytest.raises(TypeError):
        qt.QPushButton("Go").text()


@pytest.mark.parametrize(
    ("kind", "name", "given", "read"),
    [
        ("QSlider", "value", 5.7, 5),
        ("QSlider", "maximum", 12, 12),
        ("QDoubleSpinBox", "value", 3, 3.0),
        ("QDoubleSpinBox", "suffix", " mm", " mm"),
        ("QCheckBox", "checked", 1, True),
        ("QLineEdit", "text", "word", "word"),
        ("QLabel", "wordWrap", True, True),
        ("QProgressBar", "value", 40, 40),
        ("QGroupBox", "title", "Options", "Options"),
        ("QWidget", "minimumWidth", 33, 33),
        ("QWidget", "styleSheet", "color: red", "color: red"),
    ],
)
def test_values_are_converted_as_qt_does(kind, name, given, read):
    widget = getattr(qt, kind)()
    setattr(widget, name, given)
    assert getattr(widget, name) == read


def test_enumerations_are_flat():
    label = qt.QLabel()
    label.alignment = qt.Qt.AlignRight | qt.Qt.AlignTop
    assert label.alignment == qt.Qt.AlignRight | qt.Qt.AlignTop
    label.setSizePolicy(qt.QSizePolicy.Expanding, qt.QSizePolicy.Fixed)
    assert qt.QMessageBox.Yes != qt.QMessageBox.No


def test_mistakes_are_errors():
    slider = qt.QSlider()
    with pytest.raises(AttributeError, match="does not exist"):
        slider.valeu = 5
    with pytest.raises(AttributeError, match="can not be overwritten"):
        slider.setValue = 5
    with pytest.raises(AttributeError, match="does not accept"):
        slider.value = "much"
    with pytest.raises(AttributeError, match="not writable"):
        slider.frameGeometry = qt.QRect()


def test_qt_has_no_signals_of_pyside():
    assert not hasattr(qt, "Signal")
    assert not hasattr(qt, "Slot")


def test_connect_by_signature():
    said = []
    button = qt.QPushButton()
    button.checkable = True
    assert button.connect("clicked()", lambda: said.append("clicked"))
    assert button.connect("toggled( bool )", said.append)
    assert button.connect("toggled(bool)", lambda: said.append("takes none"))
    assert button.connect("toggled(bool)", lambda on, default="kept": said.append(default))
    button.click()
    assert said == [True, "takes none", "kept", "clicked"]


def test_disconnect():
    said = []
    slider = qt.QSlider()

    def hear(value):
        said.append(value)

    slider.connect("valueChanged(int)", hear)
    slider.connect("valueChanged(int)", said.append)
    slider.value = 1
    assert slider.disconnect("valueChanged(int)", hear)
    assert not slider.disconnect("valueChanged(int)", hear)
    slider.value = 2
    assert said == [1, 1, 2]
    slider.disconnect("valueChanged(int)")
    slider.value = 3
    assert said == [1, 1, 2]


def test_bound_methods_are_the_same_at_each_look():
    class Panel:
        def __init__(self):
            self.heard = 0

        def hear(self):
            self.heard += 1

    panel, button = Panel(), qt.QPushButton()
    button.connect("clicked()", panel.hear)
    button.click()
    assert button.disconnect("clicked()", panel.hear)
    button.click()
    assert panel.heard == 1


def test_signals_as_attributes():
    said = []
    box = qt.QCheckBox()
    box.toggled.connect(said.append)
    box.checked = True
    assert said == [True]


def test_blocked_signals():
    said = []
    slider = qt.QSlider()
    slider.connect("valueChanged(int)", said.append)
    wasBlocked = slider.blockSignals(True)
    slider.value = 7
    slider.blockSignals(wasBlocked)
    assert said == []


def test_an_unknown_signal_is_complained_about(aJournal):
    assert not qt.QPushButton().connect("pushed()", print)
    assert "'pushed()' does not exist on QPushButton" in aJournal.take("criticals")[0]


@pytest.mark.parametrize("way", ["connect", "signal"])
def test_what_a_slot_raises_is_swallowed(aJournal, way):
    def fail():
        raise ValueError("no")

    button = qt.QPushButton()
    if way == "connect":
        button.connect("clicked()", fail)
    else:
        button.clicked.connect(fail)
    button.click()
    assert [str(each) for each in aJournal.take("exceptions")] == ["no"]


class Strip(qt.QWidget):
    """A widget as products write them."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.marks = []
        self.painted = 0

    def sizeHint(self):
        return qt.QSize(77, 11)

    def paintEvent(self, event):
        self.painted += 1

    def mousePressEvent(self, event):
        self.marks.append((event.position().x(), event.button() == qt.Qt.LeftButton))


def test_derived_classes_override_and_take_attributes():
    strip = Strip()
    strip.resize(100, 20)
    strip.grab()
    assert strip.painted == 1
    at, left = qt.QPointF(9, 3), qt.Qt.LeftButton
    event = qt.QMouseEvent(qt.QEvent.MouseButtonPress, at, at, left, left, qt.Qt.NoModifier)
    qt.QApplication.sendEvent(strip, event)
    assert strip.marks == [(9, True)]
    strip.toolTip = "Slices"
    assert strip.toolTip == "Slices"
    panel = qt.QWidget()
    layout = qt.QVBoxLayout(panel)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(strip)
    assert layout.sizeHint() == qt.QSize(77, 11)


def test_objects_made_by_qt_speak_it_too():
    menu = qt.QMenu()
    action = menu.addAction("Export")
    said = []
    action.connect("triggered()", lambda: said.append(action.text))
    action.trigger()
    assert said == ["Export"]


def test_dynamic_properties_and_children():
    widget = qt.QWidget()
    widget.setProperty("effect", 3)
    widget.effect = 4
    assert widget.property("effect") == widget.effect == 4
    label = qt.QLabel("inside", widget)
    label.objectName = "note"
    assert widget.note is label
    assert widget.className() == "QWidget"


def test_settings_are_shared_and_forgotten_with_the_session():
    settings = qt.QSettings()
    assert settings.value("MedSAM2/server", "none") == "none"
    settings.setValue("MedSAM2/server", "wss://host")
    settings.setValue("MedSAM2/tries", 3)
    settings.setValue("Other/key", 1)
    again = qt.QSettings()
    again.beginGroup("MedSAM2")
    assert again.childKeys() == ("server", "tries")
    assert again.value("tries") == 3
    again.remove("")
    again.endGroup()
    assert again.allKeys() == ("Other/key",)


def test_settings_may_come_back_as_text():

    qt.QSettings().setValue("MedSAM2/on", False)
    rereadFromDisk()
    assert qt.QSettings().value("MedSAM2/on") == "false"
    assert slicer.util.settingsValue("MedSAM2/on", True, converter=slicer.util.toBool) is False


def test_dialogs_are_answered_from_the_journal(aJournal):
    aJournal.answers["question"] = qt.QMessageBox.No
    assert qt.QMessageBox.question(None, "Title", "Sure?") == qt.QMessageBox.No
    aJournal.answers["file"] = "weights.pt"
    assert qt.QFileDialog.getOpenFileName(None, "Choose weights") == "weights.pt"
    assert [each.text for each in aJournal.popups] == ["Sure?", "Choose weights"]


def test_nobody_runs_the_event_loop(anApplication):
    for owner in (qt.QApplication, qt.QCoreApplication, anApplication):
        with pytest.raises(AssertionError, match="use a timer"):
            owner.processEvents()
