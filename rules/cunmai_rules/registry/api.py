"""The registry's API: JSON under `/registry/v1`, behind bearer tokens; every look at a resident is noted first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from fastapi import Body, Depends, FastAPI, Path, Query
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict

from cunmai_rules.journal.database import Database, JournalAt
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.moments import day_of
from cunmai_rules.registry import audit, records, writes
from cunmai_rules.registry.audit import Purpose
from cunmai_rules.registry.contacts import contacts_for, on_duty_by
from cunmai_rules.registry.facts import RegistryFacts, facts_record
from cunmai_rules.registry.keyring import open_vault
from cunmai_rules.registry.refused import Refused, answer_faults
from cunmai_rules.registry.tokens import Right, Token, Tokens
from cunmai_rules.registry.vault import Vault
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.clock import Clock

_BEARER = HTTPBearer(auto_error=False, description="`cunmai registry token new`")
Presented = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
StaffId = Annotated[str, Body(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Gateway = Annotated[str, Query(pattern=r"^[a-z0-9][a-z0-9-]{1,62}$")]
NamesFor = Annotated[
    Purpose | None, Query(description="names and numbers too, for this purpose; it is noted")
]
_DAY = r"^[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


class Signing(BaseModel):
    model_config = ConfigDict(extra="forbid")
    team: Annotated[str, Body(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
    from_day: Annotated[str, Body(pattern=_DAY)]
    until_day: Annotated[str, Body(pattern=_DAY)] | None = None


class HandoverIn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    from_staff: StaffId
    to_staff: StaffId
    at_ms: Annotated[int, Body(ge=0)] | None = None
    """Without it: now."""


@dataclass(frozen=True)
class Office:
    """What every endpoint works with. Handlers run on a pool of threads: each request opens its own connection."""

    journal: JournalAt
    settings: RulesSettings
    clock: Clock

    @contextmanager
    def admitted(self, presented: HTTPAuthorizationCredentials | None, right: Right) -> Iterator[Desk]:
        """Raises Refused."""
        now_ms = self.clock()
        with closing(open_journal(self.journal)) as db:
            token = None if presented is None else Tokens(db).admit(presented.credentials, now_ms)
            if token is None:
                raise Refused(
                    401, "no_token", "令牌缺失、已过期或已撤销", "the token is missing, expired or revoked"
                )
            desk = Desk(db, token, self.settings, now_ms)
            desk.need(right)
            yield desk


@dataclass(frozen=True)
class Desk:
    """One request of one token."""

    db: Database
    token: Token
    settings: RulesSettings
    now_ms: int

    @property
    def today(self) -> str:
        return day_of(self.now_ms, self.settings.utc_offset_minutes)

    def need(self, right: Right) -> None:
        if right not in self.token.rights:
            raise Refused(
                403, "no_right", f"这个令牌没有 {right} 权限", f"this token has not the right {right}"
            )

    def within(self, is_ours: bool, kind: str, id_: str) -> None:
        """Outside the scope is as if it were not there. The try is noted."""
        if not is_ours:
            self.note("refused", kind, id_, "out of scope, or none")
            raise Refused(
                404, "not_found", "没有这一项, 或不在令牌的范围内", "there is none, or none in the scope"
            )

    def resident(self, id_: str) -> None:
        self.within(self.token.scope.resident(self.db, id_, self.today), "residents", id_)

    def may_know(self, id_: str, purpose: Purpose | None = None) -> None:
        """A resident in scope, who has not refused; in an emergency, also one who has."""
        self.resident(id_)
        if purpose is not Purpose.EMERGENCY and not self.token.scope.may_know(self.db, id_, self.today):
            self.note("refused", "residents", id_, "no consent")
            raise Refused(
                403,
                "no_consent",
                "这位居民没有同意, 请向签约团队了解; 急救请用 names_for=emergency",
                "this resident has refused: ask their own team; in an emergency use names_for=emergency",
            )

    def vault_for(self, purpose: Purpose | None) -> Vault | None:
        """What opens names, where they were asked for and may be seen. Raises Refused."""
        if purpose is None:
            return None
        self.need(Right.NAMES)
        if purpose not in self.token.purposes:
            raise Refused(
                403, "no_purpose", f"这个令牌不能用于 {purpose}", f"this token is not for {purpose}"
            )
        return open_vault(self.db, self.settings.registry_key_path)

    def note(self, what: str, kind: str, id_: str, why: str) -> None:
        """Written down, and on the disk, before anything is shown."""
        with self.db.transaction():
            audit.note(self.db, [audit.Entry(self.now_ms, self.token.who, what, kind, id_, why)])


def build_registry_api(journal: JournalAt, settings: RulesSettings, clock: Clock) -> FastAPI:
    """The application, to be mounted at `/registry`."""
    app = FastAPI(title="Cunmai registry", docs_url=None, redoc_url=None)
    office = Office(journal, settings, clock)
    answer_faults(app)
    _reads(app, office)
    _residents(app, office)
    _writes(app, office)
    return app


def _reads(app: FastAPI, office: Office) -> None:
    @app.get("/v1/sites/{id_}")
    def site(id_: Id, presented: Presented) -> dict[str, Any]:
        """A site, with its gateways, teams and rosters."""
        with office.admitted(presented, Right.READ) as desk:
            desk.within(desk.token.scope.site(desk.db, id_), "sites", id_)
            record = records.site_record(desk.db, id_)
            desk.within(record is not None, "sites", id_)
            return record or {}

    @app.get("/v1/teams/{id_}")
    def team(id_: Id, presented: Presented, names_for: NamesFor = None) -> dict[str, Any]:
        """A team and its members."""
        with office.admitted(presented, Right.READ) as desk:
            desk.within(desk.token.scope.team(desk.db, id_), "teams", id_)
            vault = desk.vault_for(names_for)
            if names_for is not None:
                for table, staff in records.people_of(desk.db, "team", id_):
                    desk.note("names", table, staff, names_for)
            return records.team_record(desk.db, id_, vault) or {}

    @app.get("/v1/rosters/{id_}/duty")
    def duty(id_: Id, presented: Presented) -> dict[str, Any]:
        """Who is on duty now, handovers included."""
        with office.admitted(presented, Right.READ) as desk:
            desk.within(desk.token.scope.roster(desk.db, id_), "rosters", id_)
            return {"roster": id_, "at_ms": desk.now_ms, "on_duty": on_duty_by(desk.db, id_, desk.now_ms)}


def _residents(app: FastAPI, office: Office) -> None:
    @app.get("/v1/residents/{id_}")
    def resident(id_: Id, presented: Presented, names_for: NamesFor = None) -> dict[str, Any]:
        """A resident; name and number only for a purpose."""
        with office.admitted(presented, Right.READ) as desk:
            desk.may_know(id_, names_for)
            vault = desk.vault_for(names_for)
            desk.note("names" if vault else "record", "residents", id_, names_for or "record")
            return records.resident_record(desk.db, id_, vault) or {}

    @app.get("/v1/residents/{id_}/facts")
    def facts(id_: Id, presented: Presented, gateway: Gateway) -> dict[str, Any]:
        """What the rules know of a resident who is measured at this gateway, now."""
        with office.admitted(presented, Right.READ) as desk:
            desk.may_know(id_)
            desk.note("facts", "residents", id_, "record")
            known = RegistryFacts(desk.db, office.settings, office.clock).facts_of(id_, gateway, desk.now_ms)
            return facts_record(known)

    @app.get("/v1/residents/{id_}/contacts")
    def contacts(id_: Id, presented: Presented, gateway: Gateway) -> dict[str, Any]:
        """Who can be asked about a resident now, nearest first; ids alone."""
        with office.admitted(presented, Right.READ) as desk:
            desk.resident(id_)
            desk.note("contacts", "residents", id_, "record")
            found = contacts_for(desk.db, id_, gateway, desk.now_ms, office.settings.utc_offset_minutes)
            return {"contacts": [asdict(one) for one in found]}


def _writes(app: FastAPI, office: Office) -> None:
    @app.put("/v1/residents/{id_}/signing")
    def sign(id_: Id, signing: Signing, presented: Presented) -> dict[str, Any]:
        """Sign a resident to a team of ours; an earlier signing ends the day before."""
        with office.admitted(presented, Right.SIGN) as desk:
            desk.resident(id_)
            desk.within(desk.token.scope.team(desk.db, signing.team), "teams", signing.team)
            writes.sign(
                desk.db, id_, signing.team, signing.from_day, signing.until_day, desk.token.who, desk.now_ms
            )
            return {"resident": id_} | signing.model_dump()

    @app.post("/v1/rosters/{id_}/handovers", status_code=201)
    def hand_over(id_: Id, handover: HandoverIn, presented: Presented) -> dict[str, Any]:
        """Note that one has taken over from another."""
        with office.admitted(presented, Right.HANDOVER) as desk:
            desk.within(desk.token.scope.roster(desk.db, id_), "rosters", id_)
            at_ms = desk.now_ms if handover.at_ms is None else handover.at_ms
            writes.hand_over(
                desk.db, id_, handover.from_staff, handover.to_staff, at_ms, desk.token.who, desk.now_ms,
                office.settings.utc_offset_minutes,
            )  # fmt: skip
            return {"roster": id_} | handover.model_dump() | {"at_ms": at_ms}
