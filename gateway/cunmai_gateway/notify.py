"""Telling systemd how we are doing: sd_notify(3), over the socket that it names. Nothing without one."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

DEFAULT_PERIOD_S = 5.0


def notify(*assignments: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Send, for example, "READY=1"; False where nobody listens."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as client:
        try:
            client.connect("\0" + address[1:] if address[0] == "@" else address)
            client.sendall("\n".join(assignments).encode())
        except OSError:
            return False
    return True


def watchdog_period_s(environment: Mapping[str, str] = os.environ) -> float:
    """How often to say that we are alive: a third of what systemd allows, so that one may be missed."""
    try:
        allowed_s = int(environment.get("WATCHDOG_USEC", "0")) / 1_000_000
    except ValueError:
        return DEFAULT_PERIOD_S
    return min(allowed_s / 3, DEFAULT_PERIOD_S) if allowed_s > 0 else DEFAULT_PERIOD_S
