"""Which backend options ask for."""

from pathlib import Path

import pytest

from medsam2.cli.backend_options import WhereToCompute
from medsam2.errors import InputError


def test_speed_is_the_server_s_to_choose():
    with pytest.raises(InputError, match="chooses weights, device, precision, speed and threads"):
        WhereToCompute(speed="fast", server="wss://host/session")
    assert WhereToCompute(server="wss://host/session").speed == "exact"


@pytest.mark.parametrize("option", ["token_file", "ca_file"])
def test_what_is_for_a_server_is_refused_without_one(option):
    named = "--" + option.replace("_", "-")
    with pytest.raises(InputError, match=f"{named} is for a server: give --server"):
        WhereToCompute(**{option: Path("file")})
