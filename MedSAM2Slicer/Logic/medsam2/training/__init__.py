"""Training: of the starter weights from nothing, and of any weights on labelled scans."""
