"""Whatever is asked of the read API, it answers, and never with a fault of its own.

Schemathesis makes up requests from the API's own description, good ones and bad ones, by the hundred.
In full: CUNMAI_API_EXAMPLES=1000 ./dev run pytest tests/integration/test_api_hostile.py
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from support.api_bench import ApiBench, api_bench
from support.made_up import MODES, ask_everything
from support.messages import T0_MS, oximetry

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


@MODES
def test_every_made_up_request_gets_an_answer_that_is_described(
    bench: ApiBench, mode: GenerationMode
) -> None:
    headers = {"Authorization": f"Bearer {bench.token()}"}
    ask_everything(bench.app, mode, lambda case: case.call_and_validate(headers=headers, checks=CHECKS))
