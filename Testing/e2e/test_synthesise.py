import signal
import subprocess
import sys

from e2e.conftest import ENVIRONMENT
from e2e.server_process import SERVER_SECONDS, wait_for
from medsam2.datasets import check_cases, read_dataset

MODALITIES = ("--modality", "MR", "--modality", "US")


def test_the_scans_are_a_dataset(medsam2_lab, tmp_path):
    done = medsam2_lab("synthesise", tmp_path / "made", "--count", 2, *MODALITIES, "--seed", 5)
    assert done.returncode == 0, done.stderr
    cases = read_dataset(tmp_path / "made")
    assert [case.name for case in cases] == ["mr_0006", "us_0005"]
    assert not check_cases(cases)


def test_a_folder_in_use_is_left_alone(medsam2_lab, tmp_path):
    folder = tmp_path / "used"
    folder.mkdir()
    (folder / "mine.txt").write_text("kept")
    done = medsam2_lab("synthesise", folder, "--count", 1)
    assert done.returncode == 2
    assert done.stderr == f"medsam2-lab: {folder} holds something already: name a new folder.\n"
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_help_calls_the_command_by_its_name(medsam2_lab):
    assert medsam2_lab("--help").stdout.startswith("Usage: medsam2-lab ")


def test_an_interruption_leaves_nothing_behind(tmp_path):
    command = [sys.executable, "-m", "medsam2_lab.cli", "synthesise", tmp_path / "made", "--count", "500"]
    # A job of a script in the background would ignore the interruption, and hand that on.
    process = subprocess.Popen(
        command,
        env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for(lambda: list(tmp_path.glob(".incomplete-*/made/labelsTr/*.nii.gz")))
    process.send_signal(signal.SIGINT)
    assert process.wait(SERVER_SECONDS) != 0
    assert not list(tmp_path.iterdir())
