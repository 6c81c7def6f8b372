"""The effect where Slicer's user meets it: mouse, keys, options, what is drawn in slice views."""
