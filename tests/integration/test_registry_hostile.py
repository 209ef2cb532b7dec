"""Whatever is asked of the registry's API, it answers, in its own words, and never with a fault of its own.

In full: CUNMAI_API_EXAMPLES=1000 ./dev run pytest tests/integration/test_registry_hostile.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import negative_data_rejection

from cunmai_rules.registry.api import build_registry_api
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.scope import Scope
from cunmai_rules.registry.tokens import Right, Tokens
from support.registry import NOW_MS, Registry, settings_for

EXAMPLES = int(os.environ.get("CUNMAI_API_EXAMPLES", "12"))
QUICK = settings(
    max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FastAPI, str]]:
    registry = Registry(tmp_path)
    registry.take_example()
    token = Tokens(registry.db).make("fuzz", Scope(("*",)), list(Right), list(Purpose), NOW_MS)
    yield build_registry_api(tmp_path / "rules.sqlite", settings_for(tmp_path), lambda: NOW_MS), token
    registry.close()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_made_up_request_gets_an_answer_of_ours(
    served: tuple[FastAPI, str], mode: GenerationMode
) -> None:
    app, token = served
    described = schemathesis.openapi.from_asgi("/openapi.json", app)
    asked = 0
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @QUICK
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            asked += 1
            response = case.call(headers={"Authorization": f"Bearer {token}"})
            case.validate_response(response, checks=[not_a_server_error, negative_data_rejection])
            if response.status_code >= 400:
                assert set(response.json()) == {"reason", "zh", "en"}

        try:
            ask()
        except Unsatisfiable:
            continue
    assert asked >= EXAMPLES
