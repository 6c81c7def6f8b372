"""Effect parameters have the quirks of the C++ class."""

import pytest
import slicer


@pytest.fixture
def adaptor(theStamp):
    return theStamp.scriptedEffect


@pytest.fixture
def node(adaptor):
    return adaptor.parameterSetNode()


def test_own_parameters_carry_the_effects_name(adaptor, node):
    adaptor.setParameter("Mode", "fast")
    adaptor.setCommonParameter("Mode", "slow")
    assert node.GetAttribute("Stamp.Mode") == "fast"
    assert node.GetAttribute("Mode") == "slow"
    assert adaptor.parameter("Mode") == "fast"


def test_getters_fall_back_on_the_common_one(adaptor):
    adaptor.setCommonParameter("Diameter", 7)
    assert adaptor.integerParameter("Diameter") == 7
    assert not adaptor.parameterDefined("Diameter")
    assert adaptor.commonParameterDefined("Diameter")


def test_an_empty_text_counts_as_undefined(adaptor):
    adaptor.setParameter("Mode", "fast")
    adaptor.setParameter("Mode", "")
    assert not adaptor.parameterDefined("Mode")
    assert adaptor.parameter("Mode") == ""
    adaptor.setParameterDefault("Mode", "slow")
    assert adaptor.parameter("Mode") == "slow"


def test_reading_what_is_undefined_complains(adaptor, aJournal):
    assert adaptor.parameter("Missing") == ""
    assert adaptor.integerParameter("Missing") == 0
    complaints = aJournal.take("criticals")
    assert len(complaints) == 3
    assert "Parameter named Missing cannot be found for effect Stamp" in complaints[0]


def test_what_is_no_number_complains(adaptor, aJournal):
    adaptor.setParameter("Mode", "1.5")
    assert adaptor.integerParameter("Mode") == 0
    assert adaptor.doubleParameter("Mode") == 1.5
    assert len(aJournal.take("criticals")) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / 3, "0.333333"),
        (1234567.0, "1.23457e+06"),
        (2.0, "2"),
        (1e-7, "1e-07"),
        (True, "1"),
        (12345678, "12345678"),
    ],
)
def test_numbers_are_kept_as_text(adaptor, node, value, text):
    adaptor.setParameter("Number", value)
    assert node.GetAttribute("Stamp.Number") == text


def test_only_the_parameter_event_is_invoked(adaptor, node):
    events = []
    for event in ("ModifiedEvent", slicer.vtkMRMLSegmentEditorNode.EffectParameterModified):
        node.AddObserver(event, lambda _, name: events.append(name))
    adaptor.setParameter("Mode", "fast")
    adaptor.setParameter("Mode", "fast")
    assert events == ["UserEvent"] or len(events) == 1
    node.SetAttribute("Stamp.Mode", "raw")
    assert "ModifiedEvent" in events


def test_a_change_updates_the_active_effects_gui(adaptor, theStamp, anEditor):
    adaptor.setParameter("Radius", 4)
    assert theStamp.radius.value == 4
    theStamp.radius.value = 2
    assert adaptor.integerParameter("Radius") == 2
    anEditor.deactivate()
    adaptor.setParameter("Radius", 9)
    assert theStamp.radius.value == 2


def test_node_references(adaptor, node, aVolume):
    adaptor.setNodeReference("Atlas", aVolume)
    assert node.GetNodeReference("Stamp.Atlas") is aVolume
    assert adaptor.nodeReference("Atlas") is aVolume
    adaptor.setNodeReference("Atlas", None)
    assert adaptor.nodeReference("Atlas") is None
