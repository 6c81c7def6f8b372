"""Training of the starter weights on synthetic volumes."""
