"""Effect parameters: text attributes of the parameter node, with the quirks of the C++ class.

- An effect's own parameter is ``<EffectName>.<name>``; getters fall back on the common one.
- An attribute with an empty text counts as undefined, but is still read as an empty text.
- Reading an undefined parameter is a critical complaint, and gives "" or 0.
- Floating-point numbers keep six significant digits.
- Nothing but EffectParameterModified is invoked.
"""

import slicer

from .journal import JOURNAL


class EffectParameters:
    """Mixin of the effect; wants ``name`` and ``parameterSetNode()``."""

    def parameter(self, name: str) -> str:
        node = self.parameterSetNode()
        if node is None:
            return ""
        value = node.GetAttribute(self._own(name))
        if value is None:
            value = node.GetAttribute(name)
        if value is None:
            JOURNAL.critical(f"Parameter named {name} cannot be found for effect {self.name}")
            return ""
        return value

    def integerParameter(self, name: str) -> int:
        return self._number(name, int, "integer")

    def doubleParameter(self, name: str) -> float:
        return self._number(name, float, "floating point number")

    def parameterDefined(self, name: str) -> bool:
        return self.commonParameterDefined(self._own(name))

    def commonParameterDefined(self, name: str) -> bool:
        node = self.parameterSetNode()
        return node is not None and bool(node.GetAttribute(name))

    def setParameter(self, name: str, value):
        self.setCommonParameter(self._own(name), value)

    def setParameterDefault(self, name: str, value):
        if not self.parameterDefined(name):
            self.setParameter(name, value)

    def setCommonParameterDefault(self, name: str, value):
        if not self.commonParameterDefined(name):
            self.setCommonParameter(name, value)

    def setCommonParameter(self, name: str, value):
        node = self._nodeToWrite()
        text = _asText(value)
        if node is None or text == (node.GetAttribute(name) or ""):
            return
        disabled = node.GetDisableModifiedEvent()
        node.SetDisableModifiedEvent(1)
        node.SetAttribute(name, text)
        node.SetDisableModifiedEvent(disabled)
        self._tell(node)

    def nodeReference(self, name: str):
        node = self.parameterSetNode()
        if node is None:
            return None
        return node.GetNodeReference(self._own(name)) or node.GetNodeReference(name)

    def setNodeReference(self, name: str, referenced):
        self.setCommonNodeReference(self._own(name), referenced)

    def setCommonNodeReference(self, name: str, referenced):
        node = self._nodeToWrite()
        if node is None or node.GetNodeReference(name) is referenced:
            return
        node.SetNodeReferenceID(name, referenced.GetID() if referenced else None)
        self._tell(node)

    def _own(self, name: str) -> str:
        return f"{self.name}.{name}"

    def _number(self, name, convert, kind):
        if self.parameterSetNode() is None:
            return convert(0)
        text = self.parameter(name)
        try:
            return convert(text)
        except ValueError:
            JOURNAL.critical(f"Parameter named {name} cannot be converted to {kind}!")
            return convert(0)

    def _nodeToWrite(self):
        node = self.parameterSetNode()
        if node is None:
            JOURNAL.critical(f"Invalid segment editor parameter set node set to effect {self.name}")
        return node

    @staticmethod
    def _tell(node):
        node.InvokeCustomModifiedEvent(slicer.vtkMRMLSegmentEditorNode.EffectParameterModified)


def _asText(value) -> str:
    """As PythonQt picks among the overloads for text, whole numbers and floating-point numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int)):
        return str(int(value))
    if isinstance(value, float):
        return f"{value:.6g}"
    raise ValueError(f"Could not find matching overload for given arguments: {value!r}")
