"""What the README promises works as written."""

import re
import subprocess
import sys
from pathlib import Path

from e2e.conftest import ENVIRONMENT

README = Path(__file__).resolve().parents[2] / "README.md"


def test_python_example_runs(ball, tmp_path):
    example = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]
    ball.rename(tmp_path / "ct.nrrd")
    command = [sys.executable, "-c", example]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=ENVIRONMENT)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "out.seg.nrrd").stat().st_size > 0


def test_every_option_in_the_readme_exists(medsam2):
    text = README.read_text(encoding="utf-8")
    used = set(re.findall(r"(?<=[\s`])--[a-z][a-z-]+", text)) - {"--help", "--name"}
    commands = ("segment", "evaluate", "train", "synthesise")
    known = "".join(medsam2(command, "--help").stdout for command in commands)
    assert used
    assert not {option for option in used if option not in known}
