"""Requests that Schemathesis makes up from an API's own description, good ones and bad ones, by the hundred.

`CUNMAI_API_EXAMPLES=1000` makes a thousand for each operation, not a dozen.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

EXAMPLES = int(os.environ.get("CUNMAI_API_EXAMPLES", "12"))
MODES = pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
Case = schemathesis.Case[Any]

_QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def ask_everything(app: Any, mode: GenerationMode, ask: Callable[[Case], object]) -> None:
    """Put every operation's made-up requests to `ask`, which calls and judges the answer."""
    asked = 0
    for found in schemathesis.openapi.from_asgi("/openapi.json", app).get_all_operations():
        assert isinstance(found, Ok)

        @_QUICK
        @given(case=found.ok().as_strategy(generation_mode=mode))
        def each(case: Case) -> None:
            nonlocal asked
            asked += 1
            ask(case)

        try:
            each()
        except Unsatisfiable:
            continue  # No request to this operation can be wrong: it takes nothing.
    assert asked >= EXAMPLES
