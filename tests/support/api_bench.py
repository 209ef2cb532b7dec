"""A read API under test: a book and a store with known readings, tokens, and a client without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from cunmai_ingest.api.app import build_app
from cunmai_ingest.api.desk import Desk
from cunmai_ingest.api.tokens import Right, Tokens
from cunmai_ingest.ledger.view import LedgerView
from cunmai_ingest.query import open_reader
from cunmai_ingest.query.base import Reader
from cunmai_ingest.query.sites import Sites
from support.ledger_bench import LedgerBench, ledger_bench
from support.messages import T0_MS

NOW_MS = T0_MS + 3_600_000


@dataclass
class ApiBench:
    """`ledger.take` fills it, `get` asks it."""

    ledger: LedgerBench
    tokens: Tokens
    app: FastAPI
    client: TestClient

    def token(self, *sites: str, rights: tuple[Right, ...] = (Right.RESIDENTS, Right.LEDGER)) -> str:
        return self.tokens.make("a clerk", Sites(sites or ("*",)), rights)

    def get(self, path: str, token: str | None = None, **parameters: Any) -> Response:
        """As the bearer of a token for everything, or of the one given; empty: of none."""
        token = self.token() if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.client.get(path, params=parameters or None, headers=headers, follow_redirects=False)


@contextmanager
def api_bench(folder: Path, reader: Reader | None = None, **changes: Any) -> Iterator[ApiBench]:
    """`reader`: another one than that of the embedded store. `changes`: of the ledger's settings."""
    with ledger_bench(folder, **changes) as ledger:
        ledger.now_ms = NOW_MS
        settings = ledger.settings
        tokens = Tokens(settings.api_path, lambda: ledger.now_ms)
        with closing(reader or open_reader(settings.store, 5)) as opened:
            desk = Desk(settings, opened, LedgerView(settings.book_path), tokens, lambda: ledger.now_ms)
            app = build_app(desk)
            with TestClient(app, raise_server_exceptions=True) as client:
                yield ApiBench(ledger, tokens, app, client)
