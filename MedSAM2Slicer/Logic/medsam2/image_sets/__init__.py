"""Sets of unrelated images that one annotated example drives; a person reviews what comes out of it."""
