"""Secret keys that a service makes for itself."""

from __future__ import annotations

import secrets
from pathlib import Path

from cunmai_runtime.wholefile import write_whole

KEY_BYTES = 32


def load_or_make_key(path: Path) -> bytes:
    """Read a key file, or make one that only this user can read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        write_whole(path, secrets.token_bytes(KEY_BYTES), mode=0o600)
    return path.read_bytes()
