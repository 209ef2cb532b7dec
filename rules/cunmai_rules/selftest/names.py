"""By what a self-test's readings are known."""

from __future__ import annotations

NOBODY = "SELF-TEST"
DEVICE = "self-test"
