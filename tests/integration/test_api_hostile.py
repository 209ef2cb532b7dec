"""Whatever is asked of the read API, it answers, and never with a fault of its own.

Schemathesis makes up requests from the API's own description, good ones and bad ones, by the hundred.
In full: CUNMAI_API_EXAMPLES=1000 ./dev run pytest tests/integration/test_api_hostile.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from support.api_bench import ApiBench, api_bench
from support.messages import T0_MS, oximetry

EXAMPLES = int(os.environ.get("CUNMAI_API_EXAMPLES", "12"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiBench]:
    with api_bench(tmp_path_factory.mktemp("api")) as made:
        made.ledger.state(9)
        made.ledger.readings(*[oximetry(seq, T0_MS + seq) for seq in range(1, 6)])
        made.ledger.sweep()
        yield made


QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_made_up_request_gets_an_answer_that_is_described(
    bench: ApiBench, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {bench.token()}"}
    described = schemathesis.openapi.from_asgi("/openapi.json", bench.app)
    asked = 0
    for found in described.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @QUICK
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(headers=headers, checks=CHECKS)

        try:
            ask()
        except Unsatisfiable:
            continue  # No request to this operation can be wrong: it takes nothing.
    assert asked >= EXAMPLES
