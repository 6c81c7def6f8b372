"""``slicer.packaging`` of Slicer 5.12: what would have been installed is put on record."""

import types
from importlib import metadata

from packaging.requirements import Requirement

from .journal import JOURNAL


def makeModule() -> types.ModuleType:
    """The functions that a module may use."""
    module = types.ModuleType("slicer.packaging", __doc__)
    for function in (pip_ensure, pip_install, pip_check, load_requirements, isPipInstallInProgress):
        setattr(module, function.__name__, function)
    return module


def pip_ensure(requirements, constraints=None, prompt_install=True, requester=None, **options):
    """Ask as Slicer does; RuntimeError when the user declines."""
    missing = [each for each in _list(requirements) if not pip_check(each)]
    if not missing:
        return
    if prompt_install and not JOURNAL.ask("confirm", f"{requester}: install {missing}?", True):
        raise RuntimeError("User declined the installation")
    JOURNAL.pipRequests.append(("pip_ensure", *(str(each) for each in missing)))


def pip_install(requirements, **_):
    JOURNAL.pipRequests.append(("pip_install", *(str(each) for each in _list(requirements))))


def pip_check(requirements) -> bool:
    """Whether all are installed in this very interpreter."""
    return all(_isInstalled(Requirement(str(each))) for each in _list(requirements))


def load_requirements(path) -> list[Requirement]:
    with open(path, encoding="utf-8") as file:
        lines = (line.split("#")[0].strip() for line in file)
        return [Requirement(line) for line in lines if line]


def isPipInstallInProgress() -> bool:
    return False


def _list(requirements) -> list:
    if isinstance(requirements, str):
        return requirements.split()
    return [requirements] if isinstance(requirements, Requirement) else list(requirements)


def _isInstalled(requirement: Requirement) -> bool:
    try:
        return metadata.version(requirement.name) in requirement.specifier
    except metadata.PackageNotFoundError:
        return False
