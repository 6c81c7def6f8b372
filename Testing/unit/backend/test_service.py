"""What a server loads, and tells its clients of it."""

import pytest

from medsam2.backend.limits import ServerLimits
from medsam2.backend.service import load_service
from medsam2.backend.tokens import OneToken
from medsam2.shortcuts import EXACT, FAST


@pytest.mark.parametrize(("shortcuts", "weights"), [(EXACT, "starter"), (FAST, "starter (fast)")])
def test_clients_are_told_of_shortcuts_beside_the_weights(monkeypatch, shortcuts, weights):
    monkeypatch.setattr("medsam2.model.shortcuts.is_bf16_quick", lambda device_type: True)
    service = load_service("starter", "cpu", "auto", OneToken("token"), ServerLimits(), shortcuts)
    assert service.ready(1).weights == weights
