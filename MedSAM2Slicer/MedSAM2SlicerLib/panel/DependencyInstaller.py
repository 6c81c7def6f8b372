"""What MedSAM2 needs in Slicer's Python: what is missing, how large it is, and its installation.

PyTorch comes through the PyTorch extension only, which chooses the build for this computer's graphics
card; the rest is pip's. Nothing is installed unless the user has agreed, and never in a thread.
"""

import importlib
import importlib.metadata
import importlib.util
import logging
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import slicer
from slicer.i18n import tr as _

REQUIREMENTS = Path(__file__).resolve().parents[2] / "Resources" / "requirements.txt"
CLIENT = ("msgpack", "websockets")
"""Enough where the backend is a server."""
OPTIONAL = "zstandard"
"""Halves what is sent to a server; taken where there is a wheel of it for Slicer's Python."""
MEGABYTES = {
    "jsonschema": 2,
    "matplotlib": 15,
    "pillow": 7,
    "rich": 3,
    "safetensors": 1,
    "starlette": 1,
    "zstandard": 6,
}
"""Downloads, with what these packages need in turn; the others are smaller."""


@dataclass(frozen=True)
class Requirement:
    """A package of at least some version."""

    name: str
    version: str

    @property
    def specifier(self) -> str:
        """As pip reads it."""
        return f"{self.name}>={self.version}"

    @property
    def installed(self) -> str | None:
        """The version on this computer; None without one. Nothing is imported to find out."""
        try:
            return importlib.metadata.version(self.name)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def met(self) -> bool:
        """Whether it is installed, and new enough."""
        installed = self.installed  # asked once: it reads a file
        return installed is not None and _numbers(installed) >= _numbers(self.version)


TORCH = Requirement("torch", "2.4")


class InstallError(Exception):
    """It cannot be installed; one sentence on what to do next."""


def missing(server: bool) -> list[Requirement]:
    """What has to be installed before the backend can be used, on this computer or on a server."""
    importlib.invalidate_caches()
    packages = [each for each in readRequirements() if each.name != OPTIONAL]
    needed = [each for each in packages if each.name in CLIENT] if server else [TORCH, *packages]
    return [each for each in needed if not each.met]


def optional() -> list[Requirement]:
    """What is not installed, and can be done without."""
    return [each for each in readRequirements() if each.name == OPTIONAL and not each.met]


def readRequirements(path: Path = REQUIREMENTS) -> list[Requirement]:
    """The lines ``name>=version`` of a file."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [Requirement(*line.split(">=")) for line in lines if line and not line.startswith("#")]


def listing(requirements: list[Requirement]) -> list[str]:
    """One line of text for each download: what it is, from where, and about how large."""
    lines = []
    if TORCH in requirements:
        lines.append(
            _(
                "PyTorch {version} or newer, through the PyTorch extension from download.pytorch.org: about "
                "200 MB; up to 3 GB for an NVIDIA graphics card"
            ).format(version=TORCH.version)
        )
    others = [each for each in requirements if each != TORCH]
    if others:
        size = sum(MEGABYTES.get(each.name, 0.5) for each in others)
        names = ", ".join(each.name for each in others)
        text = _("{names}, from the Python Package Index (pypi.org): about {size} MB")
        lines.append(text.format(names=names, size=max(1, round(size))))
    return lines


def question(requirements: list[Requirement]) -> str:
    """What the user is asked before anything is downloaded."""
    return _(
        "MedSAM2 would download and install into Slicer's Python:\n\n{listing}\n\n"
        "Slicer cannot be used while this runs, which may take several minutes. Install now?"
    ).format(listing="\n".join(f"• {line}" for line in listing(requirements)))


def obstacle(requirements: list[Requirement]) -> str:
    """What the user must do first, in one sentence; empty when installation can begin."""
    if TORCH not in requirements:
        return ""
    if TORCH.installed:
        return _(
            "PyTorch {installed} is installed, but {needed} or newer is needed: uninstall it in the module "
            "PyTorch Utils, restart Slicer, then install here."
        ).format(installed=TORCH.installed, needed=TORCH.version)
    if "PyTorchUtils" not in sys.modules and importlib.util.find_spec("PyTorchUtils") is None:
        return _(
            "PyTorch comes through the extension PyTorch, which is not installed: install that in the "
            "Extensions Manager, restart Slicer, then install here."
        )
    return ""


def install(requirements: list[Requirement], onStep: Callable[[str], None]) -> list[str]:
    """Download and install, while Slicer waits; the user has agreed.

    Args:
        onStep: is told what is being done, in words.

    Returns:
        Packages that were in use already and have changed: Slicer must be restarted for them.

    Raises:
        InstallError: not everything that is needed could be installed.
    """
    if obstacle(requirements):
        raise InstallError(obstacle(requirements))
    logging.info("MedSAM2: installing %s", ", ".join(each.specifier for each in requirements))
    needed = [each for each in requirements if each.name != OPTIONAL]
    before = {each: each.installed for each in requirements}
    inUse = [each for each in requirements if each.name.replace("-", "_") in sys.modules]
    try:
        if TORCH in requirements:
            onStep(_("Installing PyTorch. This takes several minutes; Slicer does not respond meanwhile."))
            _installTorch()
        _installWithPip([each for each in needed if each != TORCH], onStep)
    except Exception as error:  # whatever comes out of the installers of others
        logging.error("MedSAM2: installation failed: %s", error)
        raise InstallError(_failure()) from error
    for each in requirements:
        if each.name == OPTIONAL:
            _tryWithPip(each)
    importlib.invalidate_caches()
    if not all(each.met for each in needed):
        raise InstallError(_failure())
    return [each.name for each in inUse if each.installed != before[each]]


def _installTorch() -> None:
    import PyTorchUtils

    logic = PyTorchUtils.PyTorchUtilsLogic()
    logic.installTorch(askConfirmation=False, torchVersionRequirement=f">={TORCH.version}")


def _installWithPip(requirements: list[Requirement], onStep: Callable[[str], None]) -> None:
    if not requirements:
        return
    try:
        from slicer.packaging import pip_ensure  # Slicer 5.12: shows pip's progress itself
    except ImportError:
        for count, each in enumerate(requirements, 1):
            onStep(
                _("Installing {name} ({count} of {total})…").format(
                    name=each.name, count=count, total=len(requirements)
                )
            )
            slicer.util.pip_install(each.specifier)
        return
    onStep(_("Installing {count} packages…").format(count=len(requirements)))
    specifiers = [each.specifier for each in requirements]
    pip_ensure(specifiers, requester="MedSAM2", prompt_install=False, prompt_restart=False)


def _tryWithPip(requirement: Requirement) -> None:
    try:
        _installQuietly(f"--only-binary :all: {requirement.specifier}")
    except Exception as error:  # whatever comes out of pip
        logging.info("MedSAM2: goes without %s: %s", requirement.specifier, error)


def _installQuietly(arguments: str) -> None:
    try:
        from slicer.packaging import pip_install
    except ImportError:
        slicer.util.pip_install(arguments)
        return
    pip_install(arguments, show_progress=False)  # Slicer 5.12 would show a dialog about a failure


def _failure() -> str:
    return _(
        "Not everything could be installed: check the network connection, look into the error log "
        "(View > Error Log), then try again."
    )


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, such as (2, 13, 0) of "2.13.0+cpu"."""
    leading = re.split(r"[^\d.]", version, maxsplit=1)[0]
    return tuple(int(number) for number in leading.split(".") if number)
