"""What the Extensions Index clones stays well under the 100 MiB that it allows."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIMIT_MIB = 60


@pytest.mark.skipif(
    shutil.which("git") is None or not (ROOT / ".git").exists(), reason="needs git and a clone of the project"
)
def test_a_clone_without_history_is_small(tmp_path):
    command = ["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(tmp_path / "clone")]
    run = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120)
    assert run.returncode == 0, run.stderr
    sizes = [path.lstat().st_size for path in (tmp_path / "clone").rglob("*") if not path.is_dir()]
    assert 10 < sum(sizes) / 2**20 < LIMIT_MIB  # the weights alone take 13
