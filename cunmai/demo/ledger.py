"""The ledger: measured = stored = judged, compared by `(stream, seq)` from the parts' own stores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from cunmai_gateway.spool import measured_in
from cunmai_ingest.ledger.counts import stream_counts
from cunmai_ingest.settings import IngestSettings
from cunmai_rules.journal.database import JournalAt
from cunmai_rules.ledger import judged_streams
from cunmai_wire.ranges import SeqRanges


@dataclass(frozen=True, slots=True)
class Account:
    """One gateway's stream. Numbers run from 1 to `measured` with no gaps, so what is missing shows."""

    gateway: str
    measured: int
    stored: int
    judged: int
    lost: int
    """Numbers that ingest neither stored nor quarantined, or that the rules neither judged nor refused."""
    duplicated: int
    """Rows beyond one for each number, in either store."""
    quarantined: int


def take_account(
    spools: Sequence[tuple[str, Path]], ingest: IngestSettings, journal: JournalAt
) -> list[Account]:
    """Compare the spools with both stores."""
    stored = {count.stream: count for count in stream_counts(ingest)}
    judged = {stream.stream: stream for stream in judged_streams(journal)}
    accounts = []
    for gateway, path in spools:
        stream, measured = measured_in(path) or ("", 0)
        in_store, in_rules = stored.get(stream), judged.get(stream)
        accounts.append(
            Account(
                gateway,
                measured,
                stored=in_store.stored.distinct if in_store else 0,
                judged=in_rules.judged.count() if in_rules else 0,
                lost=_missing(
                    measured,
                    [in_store.stored.seqs, in_store.quarantined] if in_store else [],
                    [in_rules.judged, in_rules.refused] if in_rules else [],
                ),
                duplicated=(in_store.stored.doubled if in_store else 0)
                + (max(0, in_rules.rows - in_rules.judged.count()) if in_rules else 0),
                quarantined=in_store.quarantined.count() if in_store else 0,
            )
        )
    return accounts


def _missing(measured: int, *consumers: Sequence[SeqRanges]) -> int:
    """How many of the numbers 1 to `measured` some consumer has not taken in any way."""
    if not measured:
        return 0
    gone = SeqRanges()
    for kept in consumers:
        taken = SeqRanges(span for part in kept for span in part)
        for first, last in taken.missing(1, measured):
            gone.add(first, last)
    return gone.count()


def total(accounts: Sequence[Account]) -> Account:
    """All gateways together."""
    return Account(
        "合计 total",
        *(
            sum(getattr(account, name) for account in accounts)
            for name in ("measured", "stored", "judged", "lost", "duplicated", "quarantined")
        ),
    )


def ledger_table(accounts: Sequence[Account]) -> Table:
    """The ledger to look at."""
    table = Table(title="对账单 Ledger", title_justify="left")
    table.add_column("网关\ngateway")
    for words in (
        "测得\nmeasured",
        "入库\nstored",
        "已判\njudged",
        "丢失\nlost",
        "重复\ndoubled",
        "隔离\nset aside",
    ):
        table.add_column(words, justify="right")
    for account in (*accounts, total(accounts)):
        figures = (account.measured, account.stored, account.judged, account.lost, account.duplicated,
                   account.quarantined)  # fmt: skip
        style = "bold" if account.gateway.startswith("合计") else ""
        table.add_row(account.gateway, *map(str, figures), style=style)
    return table
