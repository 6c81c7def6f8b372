"""A file of EfficientTAM, as it is published but with random weights, in the real command and server."""

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import torch

from e2e.server_process import ServerProcess, track, volume
from medsam2.model.building import build_network
from medsam2.model.config import network_config
from medsam2.protocol import Done, Hello, Mask
from parity.golden.efficienttam_cases import give_weights

SCAN = Path(__file__).resolve().parents[3] / "shared" / "data" / "lesion_000009_036_image.nii.gz"


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    network = build_network(network_config("efficienttam_ti_512"))
    give_weights(network)
    path = tmp_path_factory.mktemp("weights") / "efficienttam_ti_512x512.pt"
    torch.save({"model": network.state_dict()}, path)
    return path


@pytest.mark.skipif(not SCAN.exists(), reason="needs a real scan")
def test_a_click_on_a_real_scan_is_tracked(medsam2, weights, tmp_path):
    options = ("--ijk", "--point", "256,256,5", "--range", "4:6", "--json", "-o", tmp_path / "mask.nrrd")
    run = medsam2("segment", SCAN, *options, "--weights", weights)
    assert run.returncode == 0, run.stderr
    (segment,) = json.loads(run.stdout)["objects"]
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "mask.nrrd")))
    assert np.count_nonzero(mask) == segment["voxels"] > 0
    assert np.flatnonzero(mask.any(axis=(1, 2))).tolist() == [4, 5, 6]


def test_a_server_answers_with_it(weights, tmp_path):
    server = ServerProcess(tmp_path, "--weights", weights)
    try:
        with server.connect() as talk:
            (ready,) = talk.ask(Hello(1, server.tokens["anna"]))
            assert (ready.weights, ready.image_size) == ("efficienttam_ti_512", 512)
            talk.open(volume(slices=3))
            assert talk.prompt().slice_index == 0
            *answers, end = talk.ask(track(4))
        assert isinstance(end, Done)
        assert {answer.slice_index for answer in answers if isinstance(answer, Mask)} == {0, 1, 2}
    finally:
        server.kill()
