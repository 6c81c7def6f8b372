"""Pictures of slices: where to click, and what was segmented."""
