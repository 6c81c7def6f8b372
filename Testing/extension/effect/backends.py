"""Backend processes that the effect has started."""

import psutil


def children() -> list[psutil.Process]:
    """Processes below this one that run."""
    return [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]


def localBackends() -> list[psutil.Process]:
    """Those among them that are backends of this computer; a server that tests share is none."""
    return [each for each in children() if "--local" in each.cmdline()]
