"""Image files: checked, read, and written."""
