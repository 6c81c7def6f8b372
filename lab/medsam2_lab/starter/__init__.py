"""The training of the starter weights."""
