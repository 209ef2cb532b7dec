"""The registry's tables in the rules' database: one step of its schema. Names and numbers in it are sealed."""

from __future__ import annotations

# Fractions are kept as text: exact, and the same in every database. Days are `YYYY-MM-DD`, which sorts.
# References are checked at the commit, so that one import may bring rows in any order.
TABLES = """
    CREATE TABLE districts (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE sites (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, tier TEXT NOT NULL, parent TEXT REFERENCES sites (id) DEFERRED,
        district TEXT REFERENCES districts (id) DEFERRED, altitude_m INTEGER, latitude TEXT, longitude TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sites_parent ON sites (parent);
    CREATE TABLE gateways (
        gateway TEXT PRIMARY KEY, site TEXT NOT NULL REFERENCES sites (id) DEFERRED
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX gateways_site ON gateways (site);
    CREATE TABLE referrals (
        district TEXT NOT NULL REFERENCES districts (id) DEFERRED, specialty TEXT NOT NULL,
        hospital TEXT NOT NULL REFERENCES sites (id) DEFERRED, PRIMARY KEY (district, specialty)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE staff (
        id TEXT PRIMARY KEY, role TEXT NOT NULL, site TEXT NOT NULL REFERENCES sites (id) DEFERRED,
        name TEXT, phone TEXT, phone_kind TEXT, until_day TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX staff_site ON staff (site);
    CREATE TABLE teams (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, site TEXT NOT NULL REFERENCES sites (id) DEFERRED
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX teams_site ON teams (site);
    CREATE TABLE team_members (
        team TEXT NOT NULL REFERENCES teams (id) DEFERRED, staff TEXT NOT NULL REFERENCES staff (id) DEFERRED,
        level INTEGER NOT NULL, from_day TEXT, until_day TEXT, PRIMARY KEY (team, staff)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX team_members_staff ON team_members (staff);
    CREATE TABLE grids (
        id TEXT PRIMARY KEY, name TEXT, site TEXT NOT NULL REFERENCES sites (id) DEFERRED,
        volunteer TEXT REFERENCES staff (id) DEFERRED, doctor TEXT REFERENCES staff (id) DEFERRED
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX grids_doctor ON grids (doctor);
    CREATE TABLE residents (
        id TEXT PRIMARY KEY, site TEXT REFERENCES sites (id) DEFERRED, grid TEXT REFERENCES grids (id) DEFERRED,
        birth TEXT, age_band TEXT, sex TEXT,
        -- conditions: ids joined by semicolons. Empty: known to have none, null: not known.
        conditions TEXT,
        pregnant INTEGER, pregnant_until TEXT, risk_colour TEXT, lives_alone INTEGER, consent INTEGER,
        name TEXT, phone TEXT, phone_kind TEXT
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX residents_grid ON residents (grid);
    CREATE INDEX residents_site ON residents (site);
    CREATE TABLE signings (
        resident TEXT NOT NULL REFERENCES residents (id) DEFERRED, team TEXT NOT NULL REFERENCES teams (id) DEFERRED,
        from_day TEXT NOT NULL, until_day TEXT, PRIMARY KEY (resident, team, from_day)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX signings_team ON signings (team);
    CREATE TABLE limits (
        resident TEXT NOT NULL REFERENCES residents (id) DEFERRED, rule TEXT NOT NULL, raises TEXT NOT NULL,
        clears TEXT NOT NULL, set_by TEXT NOT NULL REFERENCES staff (id) DEFERRED, from_day TEXT NOT NULL,
        until_day TEXT NOT NULL, PRIMARY KEY (resident, rule)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX limits_until ON limits (until_day);
    CREATE TABLE rosters (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, site TEXT NOT NULL REFERENCES sites (id) DEFERRED,
        level INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX rosters_site ON rosters (site);
    CREATE TABLE shifts (
        roster TEXT NOT NULL REFERENCES rosters (id) DEFERRED, staff TEXT NOT NULL REFERENCES staff (id) DEFERRED,
        starts_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL, PRIMARY KEY (roster, staff, starts_ms)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX shifts_ends ON shifts (roster, ends_ms);

    -- From `at_ms` on, one doctor stands in for another in what remains of that one's shift.
    CREATE TABLE handovers (
        n INTEGER PRIMARY KEY AUTOINCREMENT, roster TEXT NOT NULL, at_ms INTEGER NOT NULL,
        from_staff TEXT NOT NULL, to_staff TEXT NOT NULL, noted_ms INTEGER NOT NULL, noted_by TEXT NOT NULL
    ) STRICT;
    CREATE INDEX handovers_roster ON handovers (roster, at_ms);

    -- Counts the changes: whoever keeps facts in memory looks here whether they still hold.
    CREATE TABLE registry_version (n INTEGER NOT NULL) STRICT;
    INSERT INTO registry_version VALUES (0);

    -- Who changed what, and who looked at whom and why. Never a value.
    CREATE TABLE registry_audit (
        n INTEGER PRIMARY KEY AUTOINCREMENT, t_ms INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,
        kind TEXT NOT NULL, id TEXT NOT NULL, why TEXT NOT NULL
    ) STRICT;
    CREATE INDEX registry_audit_of ON registry_audit (kind, id, n);

    CREATE TABLE registry_token (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, digest TEXT NOT NULL, sites TEXT NOT NULL, teams TEXT NOT NULL,
        rights TEXT NOT NULL, purposes TEXT NOT NULL, made_ms INTEGER NOT NULL, expires_ms INTEGER,
        revoked_ms INTEGER
    ) STRICT, WITHOUT ROWID;
""".replace("DEFERRED", "DEFERRABLE INITIALLY DEFERRED")

_APPEND_ONLY = ("handovers", "registry_audit")

SQLITE_TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table}"
    f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END;\n"
    for table in _APPEND_ONLY
    for verb in ("UPDATE", "DELETE")
)

# `refuse()` is of the first step of the schema.
POSTGRES_TRIGGERS = "".join(
    f"CREATE TRIGGER {table}_{verb.lower()} BEFORE {verb} ON {table} FOR EACH {each}"
    f" EXECUTE FUNCTION refuse('{table} is append-only');\n"
    for table in _APPEND_ONLY
    for verb, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT"))
)

# A later step: lines of the audit that are in a file may go.
SQLITE_ARCHIVING = """
    DROP TRIGGER registry_audit_delete;
    CREATE TRIGGER registry_audit_delete BEFORE DELETE ON registry_audit
        WHEN OLD.n > (SELECT n FROM registry_audit_archived)
        BEGIN SELECT RAISE(ABORT, 'registry_audit is append-only'); END;
"""
POSTGRES_ARCHIVING = """
    CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN
            IF OLD.n > (SELECT n FROM registry_audit_archived) THEN
                RAISE EXCEPTION 'registry_audit is append-only'
                    USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN OLD;
        END$$;
    DROP TRIGGER registry_audit_delete ON registry_audit;
    CREATE TRIGGER registry_audit_delete BEFORE DELETE ON registry_audit
        FOR EACH ROW EXECUTE FUNCTION audit_stays();
"""
