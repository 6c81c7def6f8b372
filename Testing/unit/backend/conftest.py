import pytest
import torch

from medsam2.model.config import network_config
from medsam2.model.network import MedSAM2
from unit.backend.examples import RecordedWorker


@pytest.fixture(scope="session")
def network() -> MedSAM2:
    """The starter network with random weights."""
    torch.manual_seed(0)
    return MedSAM2(network_config("starter")).eval()


@pytest.fixture
def recorded():
    """A worker that records what it sends."""
    recorded = RecordedWorker()
    yield recorded
    recorded.worker.stop()
