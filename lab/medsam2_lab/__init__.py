"""How the starter weights are made and what was tried: what users of ``medsam2`` do not run."""
