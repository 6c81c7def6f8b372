"""A server with a network of one slice answers the command as the command alone does."""

import numpy as np
import pytest
import SimpleITK

from e2e.official_files import write_official_file
from e2e.server_process import ServerProcess
from e2e.test_families import CLICK, write_column


@pytest.fixture
def place(tmp_path):
    """Start a server with weights: ``place(weights)`` gives the options that compute there."""
    servers = []

    def start(weights) -> tuple:
        servers.append(ServerProcess(tmp_path, "--weights", weights))
        (tmp_path / "token").write_text(servers[0].tokens["anna"])
        return ("--server", f"ws://127.0.0.1:{servers[0].port}/session", "--token-file", tmp_path / "token")

    yield start
    for server in servers:
        server.kill()


def test_a_server_answers_as_this_computer_does(medsam2, tmp_path, place):
    image = write_column(tmp_path / "column.nrrd", 2)
    weights = write_official_file(tmp_path, "lite_medsam")
    at = ("--ijk", "--point", ",".join(map(str, (*CLICK, 0))))
    masks = []
    for where in (("--weights", weights), place(weights)):
        run = medsam2("segment", image, *at, *where, "-o", tmp_path / f"{len(masks)}.nrrd")
        assert run.returncode == 0, run.stderr
        masks.append(SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / f"{len(masks)}.nrrd"))))
    assert masks[0].any()
    assert np.array_equal(*masks)
