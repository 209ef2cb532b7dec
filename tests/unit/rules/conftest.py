"""An engine, a notifier and the pages over one journal, with a clock that the test moves.

Every story is told over both kinds of journal: SQLite, and PostgreSQL where its server may be started.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from cunmai_rules.pages.app import build_app
from support.postgres import Cluster
from support.rules_bench import LINK_KEY, Bench
from support.sms_bench import Make
from support.sms_sink import SmsSink


@pytest.fixture
def sink() -> Iterator[SmsSink]:
    with SmsSink() as sink:
        yield sink


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def bench(request: pytest.FixtureRequest, tmp_path: Path, sink: SmsSink) -> Iterator[Bench]:
    at = None
    if request.param == "postgres":
        cluster: Cluster = request.getfixturevalue("postgres")
        at = cluster.schema()
    bench = Bench(tmp_path, sink, at=at)
    yield bench
    bench.close()


@pytest.fixture
def client(bench: Bench) -> Iterator[TestClient]:
    """The doctors' pages."""
    app = build_app(bench.journal, bench.settings, LINK_KEY, bench.clock, bench.in_force)
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.server)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes benches with several SMS providers."""
    cluster = request.getfixturevalue("postgres") if request.param == "postgres" else None
    make = Make(tmp_path, cluster)
    yield make
    for bench in make.made:
        bench.close()
