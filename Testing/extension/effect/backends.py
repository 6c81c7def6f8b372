"""Backend processes that the effect has started."""

import psutil


def localBackends() -> list[psutil.Process]:
    """Those of this process that run; a server that tests share is none of them."""
    children = [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE]
    return [each for each in children if "--local" in each.cmdline()]
