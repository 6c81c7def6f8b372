"""Which backend options ask for."""

import pytest

from medsam2.cli.backend_options import WhereToCompute
from medsam2.errors import InputError


def test_speed_is_the_server_s_to_choose():
    with pytest.raises(InputError, match="chooses weights, device, precision, speed and threads"):
        WhereToCompute(speed="fast", server="wss://host/session")
    assert WhereToCompute(server="wss://host/session").speed == "exact"
