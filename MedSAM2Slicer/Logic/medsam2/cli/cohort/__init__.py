"""``medsam2 batch``: many cases, each of which is what one ``medsam2 segment`` does."""
