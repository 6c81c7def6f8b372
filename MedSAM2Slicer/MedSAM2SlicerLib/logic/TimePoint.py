"""Which item of a sequence a volume shows now.

Slicer shows a sequence through a proxy: a node whose content is exchanged with each item, but which stays the
same node, so that nobody tells the effect of it.
"""

from dataclasses import dataclass

import slicer

from ..SlicerTypes import MRMLNode


@dataclass(frozen=True)
class TimePoint:
    """An item of a sequence.

    Attributes:
        browser: the ``vtkMRMLSequenceBrowserNode`` that shows the volume.
        index: which of its items, from 0.
        value: the item's index value, as the sequence writes it: text, which need not be a number.
    """

    browser: MRMLNode
    index: int
    value: str


def timePointOf(volume: MRMLNode | None) -> TimePoint | None:
    """What a volume shows; None where it is no sequence's proxy."""
    browser = browserOf(volume)
    index = -1 if browser is None else browser.GetSelectedItemNumber()
    if browser is None or not 0 <= index < browser.GetNumberOfItems():
        return None
    return TimePoint(browser, index, browser.GetMasterSequenceNode().GetNthIndexValue(index))


def browserOf(proxy: MRMLNode | None) -> MRMLNode | None:
    """The sequence browser that a node is a proxy of."""
    module = getattr(slicer.modules, "sequences", None)  # a Slicer may be built without
    if module is None or proxy is None or proxy.GetScene() is None:
        return None
    return module.logic().GetFirstBrowserNodeForProxyNode(proxy)
