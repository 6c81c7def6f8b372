"""Files that ship with the package: catalogue, schemas, starter weights."""
