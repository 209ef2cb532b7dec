"""Where the simulated radio may be served."""

from __future__ import annotations

import pytest

from cunmai_sim.errors import SimError
from cunmai_sim.hci_server import parse_listen


@pytest.mark.parametrize(
    ("transport", "expected"),
    [
        ("tcp-server:127.0.0.1:6402", ("127.0.0.1", 6402)),
        ("tcp-server:localhost:0", ("localhost", 0)),
        ("tcp-server:127.8.9.1:65535", ("127.8.9.1", 65535)),
    ],
)
def test_loopback(transport: str, expected: tuple[str, int]) -> None:
    assert parse_listen(transport) == expected


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.org", "_", ""])
def test_only_loopback(host: str) -> None:
    with pytest.raises(SimError, match="loopback only"):
        parse_listen(f"tcp-server:{host}:6402")


@pytest.mark.parametrize(
    "transport",
    [
        "",
        "tcp-server:",
        "127.0.0.1:6402",
        "tcp-client:127.0.0.1:1",
        "tcp-server:127.0.0.1:x",
        "tcp-server:127.0.0.1:70000",
        "tcp-server:6402",
    ],
)
def test_what_is_no_address(transport: str) -> None:
    with pytest.raises(SimError, match=r"expected tcp-server:127\.0\.0\.1:PORT"):
        parse_listen(transport)
