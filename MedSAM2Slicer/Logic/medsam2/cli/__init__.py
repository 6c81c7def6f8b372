"""The command ``medsam2``."""
