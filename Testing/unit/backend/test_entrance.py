"""Who is put out where too many wait at the door."""

import pytest

from medsam2.backend.entrance import MOST_PER_ADDRESS, MOST_VISITORS, Entrance, Visitor


class Dialled:
    """A socket of someone far away."""

    def __init__(self, address: str):
        self._address = address

    def getpeername(self) -> tuple[str, int]:
        return self._address, 40000

    def fileno(self) -> int:
        return 9


def waiting(addresses: list[str], addresses_differ: bool = True) -> list[str]:
    """Who still waits once all have come, one after the other."""
    entrance = Entrance(lambda visitor: None, None, 16, addresses_differ)
    for address in addresses:
        entrance._make_room(address)
        entrance._visitors.append(Visitor(Dialled(address)))
    return [visitor.address for visitor in entrance._visitors if visitor.waits]


MANY = 3 * MOST_VISITORS


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", "fe80::7%eth0", "::ffff:192.0.2.7"])
def test_who_comes_very_often_puts_out_only_the_own_connections(address):
    others = ["192.0.2.1", "2001:db8::1"] * 4
    assert waiting(others + [address] * MANY) == others + [address] * MOST_PER_ADDRESS


@pytest.mark.parametrize(("address", "differ"), [("127.0.0.1", True), ("::1", True), ("192.0.2.7", False)])
def test_all_may_share_the_address_of_a_proxy_or_of_this_computer(address, differ):
    assert waiting([address] * MANY, differ) == [address] * MOST_VISITORS


def test_of_many_addresses_those_who_have_waited_longest_are_put_out():
    addresses = [f"192.0.2.{number}" for number in range(MANY)]
    assert waiting(addresses) == addresses[-MOST_VISITORS:]
