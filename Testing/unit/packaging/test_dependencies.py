"""Each part of the package is installed with what it imports, and with no more."""

import subprocess
import sys

import grimp
import pytest

from unit.packaging.declared import modules

EVERYTHING = ("backend", "evaluate", "ray", "train")
UNSEEN = {"zstandard"}
"""Imported by name, where there is one."""
BEHIND_TORCH = {"tensorboard"}
LOADS_TORCH = {"pooch"}
"""Of ``medsam2 weights``, which torch reads."""
ON_A_CLUSTER = {"ray"}
"""Of ``medsam2 batch --ray``, which says how to install it."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("medsam2", include_external_packages=True, cache_dir=None)


def others(names: set[str]) -> set[str]:
    """Without our own modules and Python's."""
    return {name for name in names if not name.startswith("medsam2")} - set(sys.stdlib_module_names)


def directly(graph: grimp.ImportGraph, *parts: str) -> set[str]:
    """What the files of parts of the package import."""
    files = [
        each for part in parts for each in {f"medsam2.{part}"} | graph.find_descendants(f"medsam2.{part}")
    ]
    return others(set().union(*map(graph.find_modules_directly_imported_by, files)))


def test_a_plain_install_has_what_a_client_imports(graph):
    needed = [
        graph.find_upstream_modules(f"medsam2.{part}", as_package=True) for part in ("client", "protocol")
    ]
    assert others(set().union(*needed)) == modules()


def test_all_extras_together_have_what_the_package_imports(graph):
    assert others(graph.modules) == modules(*EVERYTHING) - UNSEEN - BEHIND_TORCH


def test_the_extra_cli_has_what_reads_writes_and_draws(graph):
    assert directly(graph, "volume", "datasets", "cli") - LOADS_TORCH - ON_A_CLUSTER <= modules("cli")


def test_importing_the_client_loads_nothing_that_an_extra_brings():
    code = "import sys, medsam2.client, medsam2.protocol; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    loaded = {name.partition(".")[0] for name in run.stdout.split()}
    assert loaded & modules(*EVERYTHING) == modules()
