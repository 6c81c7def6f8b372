"""matplotlib as it is made, whatever settings of its own a user or a folder of images has for it."""

import os
import sys
import tempfile
from pathlib import Path


def load_matplotlib() -> None:
    """Import matplotlib without settings; they could be damaged, want a window, or run LaTeX.

    Before every import of it: it reads settings then, and looks for them in the working folder first.
    """
    if "matplotlib" in sys.modules:
        return
    os.environ.pop("MPLBACKEND", None)
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "matplotlibrc").touch()
        os.chdir(folder)
        try:
            import matplotlib  # noqa: F401
        finally:
            os.chdir(before)
