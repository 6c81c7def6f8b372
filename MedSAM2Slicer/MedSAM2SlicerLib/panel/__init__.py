"""The module's panel, and what it installs, tests and loads."""
