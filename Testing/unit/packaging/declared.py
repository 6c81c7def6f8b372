"""What pyproject.toml says that pip installs."""

import re
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10, where pytest brings the package
    import tomli as tomllib

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
PROJECT = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
IMPORTED_AS = {"pillow": "PIL", "prometheus-client": "prometheus_client"}
"""Where the name of a package is not that of its module."""


def requirements(*extras: str) -> set[str]:
    """What ``pip install medsam2[extra,...]`` asks for, as "name>=version", what extras include resolved."""
    found = set(PROJECT["dependencies"])
    for extra in extras:
        for requirement in PROJECT["optional-dependencies"][extra]:
            included = re.fullmatch(r"medsam2\[(\w+)\]", requirement)
            found |= requirements(included[1]) if included else {requirement}
    return found


def modules(*extras: str) -> set[str]:
    """The names under which these packages are imported."""
    names = {re.match(r"[\w-]+", requirement)[0] for requirement in requirements(*extras)}
    return {IMPORTED_AS.get(name, name) for name in names}
