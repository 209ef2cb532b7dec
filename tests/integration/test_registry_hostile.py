"""Whatever is asked of the registry's API, it answers, in its own words, and never with a fault of its own.

In full: CUNMAI_API_EXAMPLES=1000 ./dev run pytest tests/integration/test_registry_hostile.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import negative_data_rejection

from cunmai_rules.registry.api import build_registry_api
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.scope import Scope
from cunmai_rules.registry.tokens import Right, Tokens
from support.made_up import MODES, Case, ask_everything
from support.registry import NOW_MS, Registry, settings_for


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[FastAPI, str]]:
    registry = Registry(tmp_path)
    registry.take_example()
    token = Tokens(registry.db).make("fuzz", Scope(("*",)), list(Right), list(Purpose), NOW_MS)
    yield build_registry_api(tmp_path / "rules.sqlite", settings_for(tmp_path), lambda: NOW_MS), token
    registry.close()


@MODES
def test_every_made_up_request_gets_an_answer_of_ours(
    served: tuple[FastAPI, str], mode: GenerationMode
) -> None:
    app, token = served

    def ask(case: Case) -> None:
        response = case.call(headers={"Authorization": f"Bearer {token}"})
        case.validate_response(response, checks=[not_a_server_error, negative_data_rejection])
        if response.status_code >= 400:
            assert set(response.json()) == {"reason", "zh", "en"}

    ask_everything(app, mode, ask)
