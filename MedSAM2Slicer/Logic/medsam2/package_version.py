"""Which version of this package runs, for logs."""

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """The installed version; 0 when it runs from its folder, as inside Slicer."""
    try:
        return version("medsam2")
    except PackageNotFoundError:
        return "0"
