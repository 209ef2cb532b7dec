"""Statements for SQLite, read for PostgreSQL."""

from __future__ import annotations

import pytest

from cunmai_rules.journal.dialect import to_postgres
from cunmai_rules.journal.migrations import POSTGRES, SQLITE


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("SELECT ? , ?", "SELECT %s , %s"),
        ("UPDATE a SET b = :b_2 WHERE c=:c", "UPDATE a SET b = %(b_2)s WHERE c=%(c)s"),
        ("SELECT part % ? FROM s WHERE n LIKE 'a?%:x'", "SELECT part %% %s FROM s WHERE n LIKE 'a?%%:x'"),
        ("SELECT 'it''s :not' , :yes", "SELECT 'it''s :not' , %(yes)s"),
        ("SELECT ?::bigint[]", "SELECT %s::bigint[]"),
    ],
)
def test_parameters_and_nothing_else_are_rewritten(ours: str, theirs: str) -> None:
    assert to_postgres(ours) == theirs


def test_both_databases_count_the_same_migrations_and_postgres_reads_no_word_of_sqlite() -> None:
    assert len(SQLITE) == len(POSTGRES)
    words = {word for script in POSTGRES for word in script.replace(",", " ").replace(";", " ").split()}
    assert not words & {
        "INTEGER",
        "BLOB",
        "STRICT",
        "WITHOUT",
        "AUTOINCREMENT",
        "json_extract",
        "RAISE(ABORT",
    }
