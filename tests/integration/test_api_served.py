"""The read API as `cunmai ingest api` serves it: on its port, over real HTTP."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from cunmai_ingest.api.tokens import Right, Tokens
from cunmai_ingest.cli_api import serving_api
from cunmai_ingest.query.sites import Sites
from cunmai_ingest.settings import ApiSettings
from cunmai_runtime.errors import UserError
from support.ledger_bench import ledger_bench
from support.messages import T0_MS, oximetry
from support.servers import free_port, listening, wait_until


def test_it_serves_and_ends_and_a_taken_port_is_said_so(tmp_path: Path) -> None:
    with ledger_bench(tmp_path) as bench:
        bench.readings(oximetry(1, T0_MS))
        bench.sweep()
        port = free_port()
        settings = bench.settings.model_copy(update={"api": ApiSettings(port=port)})
        token = Tokens(settings.api_path, lambda: T0_MS).make("a clerk", Sites(("*",)), [Right.RESIDENTS])
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/v1/residents/r-1001/latest",
            headers={"Authorization": f"Bearer {token}"},
        )
        with serving_api(settings, lambda: T0_MS):
            wait_until(lambda: listening(port), what="the API listens")
            with urllib.request.urlopen(request, timeout=10) as answer:
                readings = json.load(answer)["readings"]
            with (
                pytest.raises(UserError, match=f"cannot serve the API at 127.0.0.1:{port}"),
                serving_api(settings),
            ):
                pass
        assert [reading["values"]["spo2_pct"] for reading in readings] == [97.0]
        assert not listening(port)
