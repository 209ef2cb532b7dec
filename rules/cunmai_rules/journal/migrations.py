"""The journal's tables, for both databases.

A migration is written once, in SQLite's words, and is read for PostgreSQL by the short list of `_WORDS`.
What cannot be written once (triggers, mostly) is `Each`, with both dialects side by side. To change the
schema, append a migration to `MIGRATIONS`; one that was ever released is never changed again. Both
databases count them, so they stay in step.
"""

from __future__ import annotations

from dataclasses import dataclass

from cunmai_rules.registry import schema as registry
from cunmai_runtime import held


@dataclass(frozen=True, slots=True)
class Each:
    """Statements that the two databases say differently."""

    sqlite: str
    postgres: str


Migration = tuple[str | Each, ...]

_WORDS = (
    ("INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    ("INTEGER", "BIGINT"),
    ("BLOB", "BYTEA"),
    (" STRICT, WITHOUT ROWID", ""),
    (" WITHOUT ROWID", ""),
    (" STRICT", ""),
)
"""SQLite's word and PostgreSQL's, in the order in which they are replaced."""

MIGRATIONS: tuple[Migration, ...] = (
    (
        held.TABLE,
        """
    CREATE TABLE subject (id TEXT PRIMARY KEY, state TEXT NOT NULL, gateway TEXT NOT NULL, device TEXT NOT NULL,
                          resident TEXT, due_ms INTEGER) STRICT, WITHOUT ROWID;
    CREATE INDEX subject_due ON subject (due_ms) WHERE due_ms IS NOT NULL;

    CREATE TABLE observation (
        stream TEXT NOT NULL, seq INTEGER NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,
        t_ms INTEGER NOT NULL, arrived_ms INTEGER NOT NULL, late INTEGER NOT NULL,
        reading TEXT NOT NULL,    -- values and quality, as judged
        decisions TEXT NOT NULL,  -- rule to reason
        PRIMARY KEY (stream, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX observation_subject ON observation (subject, t_ms);

    CREATE TABLE escalation (id TEXT PRIMARY KEY, subject TEXT NOT NULL, status TEXT NOT NULL,
                             opened_ms INTEGER NOT NULL, due_ms INTEGER, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX escalation_due ON escalation (due_ms) WHERE due_ms IS NOT NULL;
    CREATE INDEX escalation_subject ON escalation (subject, opened_ms);

    CREATE TABLE notice (
        id TEXT PRIMARY KEY, escalation TEXT NOT NULL REFERENCES escalation (id), contact TEXT NOT NULL,
        number INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL,
        queued_ms INTEGER NOT NULL, accepted_ms INTEGER, error TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX notice_due ON notice (due_ms) WHERE state = 'queued';
    CREATE INDEX notice_escalation ON notice (escalation, number);

    CREATE TABLE link (token_hash BLOB PRIMARY KEY, escalation TEXT NOT NULL REFERENCES escalation (id),
                       contact TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;

    CREATE TABLE history (n INTEGER PRIMARY KEY AUTOINCREMENT, t_ms INTEGER NOT NULL, escalation TEXT,
                          type TEXT NOT NULL, actor TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    CREATE INDEX history_escalation ON history (escalation, n);
        """,
        Each(
            sqlite="""
    CREATE TRIGGER history_is_append_only BEFORE UPDATE ON history
        BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
            """,
            postgres="""
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation'; END$$;
    CREATE TRIGGER history_is_append_only BEFORE UPDATE ON history
        FOR EACH ROW EXECUTE FUNCTION refuse('history is append-only');
    CREATE TRIGGER history_is_not_truncated BEFORE TRUNCATE ON history
        FOR EACH STATEMENT EXECUTE FUNCTION refuse('history is append-only');
            """,
        ),
        """

    CREATE TABLE event_stream (id TEXT NOT NULL) STRICT;
    CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, body TEXT NOT NULL,
                        sent_ms INTEGER NOT NULL DEFAULT 0) STRICT;
        """,
    ),
    (
        """
    -- A stream belongs to the gateway that sent it first.
    CREATE TABLE sender (stream TEXT PRIMARY KEY, gateway TEXT NOT NULL) STRICT, WITHOUT ROWID;
    -- Of a reading's content: another content under the same number is not a repetition.
    ALTER TABLE observation ADD COLUMN digest TEXT;
    -- The rules that states were last judged by: one that is missing later was removed.
    CREATE TABLE rule_in_force (id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        """,
    ),
    (
        """
    -- Each finding of an escalation: the one that opened it, and those that joined it.
    CREATE TABLE finding (
        id TEXT PRIMARY KEY, escalation TEXT NOT NULL REFERENCES escalation (id), rule TEXT NOT NULL,
        version TEXT NOT NULL, grade TEXT NOT NULL, lane TEXT NOT NULL, reason TEXT NOT NULL,
        reading_t_ms INTEGER NOT NULL, stream TEXT, seq INTEGER, found_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX finding_escalation ON finding (escalation, found_ms);

    -- What the message says, without its link: every attempt of a notice sends the same bytes.
    ALTER TABLE notice ADD COLUMN text TEXT;
    CREATE INDEX link_escalation ON link (escalation);
        """,
        # History goes only with its escalation, and an escalation only when it is closed.
        Each(
            sqlite="""
    CREATE TRIGGER history_stays_with_its_escalation BEFORE DELETE ON history
        WHEN EXISTS (SELECT 1 FROM escalation WHERE id = OLD.escalation)
        BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
    CREATE TRIGGER open_escalations_stay BEFORE DELETE ON escalation WHEN OLD.status <> 'closed'
        BEGIN SELECT RAISE(ABORT, 'an open escalation cannot be removed'); END;
            """,
            postgres="""
    CREATE FUNCTION history_stays() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN
            IF EXISTS (SELECT 1 FROM escalation WHERE id = OLD.escalation) THEN
                RAISE EXCEPTION 'history is append-only' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN OLD;
        END$$;
    CREATE TRIGGER history_stays_with_its_escalation BEFORE DELETE ON history
        FOR EACH ROW EXECUTE FUNCTION history_stays();
    CREATE TRIGGER open_escalations_stay BEFORE DELETE ON escalation
        FOR EACH ROW WHEN (OLD.status <> 'closed')
        EXECUTE FUNCTION refuse('an open escalation cannot be removed');
            """,
        ),
    ),
    (
        """
    -- A finding that a late reading or a correction has shown to be none.
    ALTER TABLE finding ADD COLUMN withdrawn_ms INTEGER;
    CREATE INDEX finding_reading ON finding (stream, seq);
    -- A reading that a correction stands in for counts for nobody. The correction may come first.
    ALTER TABLE observation ADD COLUMN corrected INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE correction (stream TEXT NOT NULL, seq INTEGER NOT NULL,
                             PRIMARY KEY (stream, seq)) STRICT, WITHOUT ROWID;
        """,
    ),
    (
        """
    -- What escalations are looked for by has columns of its own.
    ALTER TABLE escalation ADD COLUMN lane TEXT NOT NULL DEFAULT '';
    ALTER TABLE escalation ADD COLUMN closed_ms INTEGER;
        """,
        Each(
            sqlite="""
    UPDATE escalation SET lane = json_extract(body, '$.lane'), closed_ms = json_extract(body, '$.closed_ms');
            """,
            postgres="",
        ),
    ),
    (registry.TABLES, Each(sqlite=registry.SQLITE_TRIGGERS, postgres=registry.POSTGRES_TRIGGERS)),
    (
        """
    -- The part of a subject (database.part_of): which worker looks after it as time passes. 0 in rows from
    -- before; where they are, one worker looks after all parts.
    ALTER TABLE subject ADD COLUMN part INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE escalation ADD COLUMN part INTEGER NOT NULL DEFAULT 0;

    ALTER TABLE event_stream ADD COLUMN last_seq INTEGER NOT NULL DEFAULT 0;
        """,
        Each(
            sqlite="""
    UPDATE event_stream SET last_seq = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0);
            """,
            postgres="",
        ),
        """
    -- An event gets its number when it is first about to be sent: transactions that end in another order than
    -- they began, or not at all, leave no gap.
    CREATE TABLE event_queue (n INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER UNIQUE, topic TEXT NOT NULL,
                              body TEXT NOT NULL, sent_ms INTEGER NOT NULL DEFAULT 0) STRICT;
    INSERT INTO event_queue (seq, topic, body, sent_ms) SELECT seq, topic, body, sent_ms FROM event ORDER BY seq;
    DROP TABLE event;
    ALTER TABLE event_queue RENAME TO event;

    -- Each worker learns of new rules by itself, and lets go what removed rules had graded in its parts.
    CREATE TABLE rule_seen (slot INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (slot, id)) STRICT, WITHOUT ROWID;
    INSERT INTO rule_seen SELECT 0, id FROM rule_in_force;
    DROP TABLE rule_in_force;

    -- What the workers of one journal have to agree on.
    CREATE TABLE agreed (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """,
    ),
    (
        """
    -- One address for each contact's worklist. Only a hash of the token: a copy of this file opens nothing.
    CREATE TABLE worklist_link (token_hash TEXT PRIMARY KEY, contact TEXT NOT NULL,
                                expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX worklist_link_contact ON worklist_link (contact);
        """,
    ),
    (
        """
    -- Which rules share their evidence, by the key that subjects' states have.
    CREATE TABLE profile (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
        """,
    ),
    (
        """
    -- By which device a reading was made; NULL in rows from before.
    ALTER TABLE observation ADD COLUMN device TEXT;
        """,
    ),
    (
        """
    -- Where a notice was sent, what became of it there, and what its receipts call it.
    ALTER TABLE notice ADD COLUMN parts TEXT;
    ALTER TABLE notice ADD COLUMN provider TEXT;
    ALTER TABLE notice ADD COLUMN provider_id TEXT;
    ALTER TABLE notice ADD COLUMN tried TEXT NOT NULL DEFAULT '';
    ALTER TABLE notice ADD COLUMN refused_by TEXT NOT NULL DEFAULT '';
    ALTER TABLE notice ADD COLUMN unsure_ms INTEGER;
    ALTER TABLE notice ADD COLUMN receipt_due_ms INTEGER;
    ALTER TABLE notice ADD COLUMN delivered_ms INTEGER;
    -- Of the number that it was sent to: a keyed hash, so that a reply from it is known.
    ALTER TABLE notice ADD COLUMN to_mark TEXT;
    CREATE INDEX notice_receipt ON notice (receipt_due_ms) WHERE receipt_due_ms IS NOT NULL;
    CREATE INDEX notice_sent_as ON notice (provider, provider_id) WHERE provider_id IS NOT NULL;
    CREATE INDEX notice_to_mark ON notice (to_mark, queued_ms) WHERE to_mark IS NOT NULL;

    -- Receipts that came before the answer that says what they are about.
    CREATE TABLE early_receipt (provider TEXT NOT NULL, provider_id TEXT NOT NULL, delivered INTEGER NOT NULL,
                                reason TEXT NOT NULL, t_ms INTEGER NOT NULL,
                                PRIMARY KEY (provider, provider_id)) STRICT, WITHOUT ROWID;
    -- Calls of providers that were taken: none is taken twice.
    CREATE TABLE provider_call (provider TEXT NOT NULL, id TEXT NOT NULL, digest TEXT NOT NULL,
                                t_ms INTEGER NOT NULL, PRIMARY KEY (provider, id)) STRICT, WITHOUT ROWID;
    CREATE INDEX provider_call_time ON provider_call (t_ms);
    -- What a reply names its escalation by.
    CREATE TABLE short_code (code TEXT PRIMARY KEY, escalation TEXT NOT NULL UNIQUE,
                             made_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    -- Answers to replies: help, and word that something is closed. Sent if it can be, and never urgent.
    CREATE TABLE courtesy (id TEXT PRIMARY KEY, contact TEXT NOT NULL, kind TEXT NOT NULL, parts TEXT NOT NULL,
                           state TEXT NOT NULL, attempts INTEGER NOT NULL, due_ms INTEGER NOT NULL,
                           made_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX courtesy_due ON courtesy (due_ms) WHERE state = 'queued';
    CREATE INDEX courtesy_contact ON courtesy (contact, made_ms);
        """,
    ),
    (
        """
    -- A resident handed up to somebody who takes them, or says why not. It goes with its escalation.
    CREATE TABLE referral (
        id TEXT PRIMARY KEY, escalation TEXT NOT NULL, resident TEXT, gateway TEXT NOT NULL, sender TEXT NOT NULL,
        receiver TEXT NOT NULL, note TEXT NOT NULL, requested_ms INTEGER NOT NULL, state TEXT NOT NULL,
        decided_ms INTEGER, answer_note TEXT NOT NULL, accepted_ms INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX referral_escalation ON referral (escalation);
    CREATE INDEX referral_time ON referral (requested_ms, id);
        """,
    ),
    (
        """
    -- Up to which line the registry's audit is in a file: no other line can be removed.
    CREATE TABLE registry_audit_archived (n INTEGER NOT NULL) STRICT;
    INSERT INTO registry_audit_archived VALUES (0);
        """,
        Each(sqlite=registry.SQLITE_ARCHIVING, postgres=registry.POSTGRES_ARCHIVING),
    ),
    (
        """
    -- What a person was told, what is held back from them and why, and what went out together (escalation.folding).
    ALTER TABLE notice ADD COLUMN site TEXT;
    ALTER TABLE notice ADD COLUMN weight TEXT;
    ALTER TABLE notice ADD COLUMN held_ms INTEGER;
    ALTER TABLE notice ADD COLUMN held_why TEXT;
    ALTER TABLE notice ADD COLUMN told_ms INTEGER;
    ALTER TABLE notice ADD COLUMN told_with TEXT;
    ALTER TABLE notice ADD COLUMN counts_as TEXT;
    CREATE INDEX notice_told ON notice (contact, told_ms) WHERE counts_as IS NOT NULL;
    CREATE INDEX notice_held ON notice (contact, due_ms) WHERE state = 'queued' AND held_ms IS NOT NULL;
    CREATE INDEX notice_together ON notice (told_with) WHERE told_with IS NOT NULL;
    CREATE INDEX notice_of_site ON notice (contact, site, queued_ms) WHERE site IS NOT NULL;
    -- What a summary's link opens: what this contact was asked about at these sites.
    CREATE TABLE summary_link (token_hash BLOB PRIMARY KEY, notice TEXT NOT NULL, contact TEXT NOT NULL,
                               sites TEXT NOT NULL, expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    CREATE INDEX summary_link_expiry ON summary_link (expires_ms);
        """,
    ),
)


def _sqlite(part: str | Each) -> str:
    return part.sqlite if isinstance(part, Each) else part


def _postgres(part: str | Each) -> str:
    if isinstance(part, Each):
        return part.postgres
    for theirs, ours in _WORDS:
        part = part.replace(theirs, ours)
    return part


SQLITE = tuple("\n".join(map(_sqlite, migration)) for migration in MIGRATIONS)
POSTGRES = tuple("\n".join(map(_postgres, migration)) for migration in MIGRATIONS)
