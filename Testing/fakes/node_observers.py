"""Observers of MRML nodes that can be dropped again."""

import vtk


class NodeObservers:
    """Each observer is called without arguments; observing the same twice changes nothing, as in qvtk."""

    def __init__(self):
        self._tags = {}

    def observe(self, node, event, function):
        key = (node, event, function)
        if node is not None and key not in self._tags:
            self._tags[key] = node.AddObserver(event, lambda *_: function())

    def observeNode(self, scene, event, function):
        """For the scene's events that come with a node, which is passed on."""

        @vtk.calldata_type(vtk.VTK_OBJECT)
        def pass_(_caller, _event, node):
            function(node)

        self._tags[scene, event, function] = scene.AddObserver(event, pass_)

    def forget(self, node):
        for key in [each for each in self._tags if each[0] is node]:
            node.RemoveObserver(self._tags.pop(key))

    def forgetAll(self):
        for node, _, _ in list(self._tags):
            self.forget(node)
