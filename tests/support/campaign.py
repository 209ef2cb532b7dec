"""How long the properties are tried: in short form with the other tests, or for as long as one likes.

CUNMAI_EXAMPLES=5000 ./dev run pytest --timeout 7200 tests/unit/rules/test_index.py (or test_window, test_model)
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings


def campaign(examples: int) -> settings:
    """So many examples, or CUNMAI_EXAMPLES. Only with that is a failure made smaller: it can take minutes."""
    asked = os.environ.get("CUNMAI_EXAMPLES")
    phases = [Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if asked else [])]
    return settings(
        max_examples=int(asked or examples),
        deadline=None,
        phases=phases,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
