"""Contacts of rules.yaml and of the registry, as one: ids and roles for everybody, a number only to send to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cunmai_rules.escalation.policies import Policies
from cunmai_rules.journal.database import Database
from cunmai_rules.moments import day_of
from cunmai_rules.registry import audit
from cunmai_rules.registry.contacts import contacts_for, site_of, team_of
from cunmai_rules.registry.keyring import open_vault
from cunmai_rules.registry.vault import Vault, place_of
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.errors import UserError

ASKED_LEVELS = (1, 2, 3)
"""Village, township and county, where no policy says otherwise."""
MOST_CONTACTS = 12


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody by id and role."""

    id: str
    role: str


class Directory:
    """Belongs to the thread of its connection."""

    def __init__(self, db: Database, settings: RulesSettings) -> None:
        self._db = db
        self._settings = settings
        self._key_path: Path = settings.registry_key_path
        self._vault: Vault | None = None

    @property
    def settings(self) -> RulesSettings:
        return self._settings

    @property
    def db(self) -> Database:
        return self._db

    @property
    def utc_offset_minutes(self) -> int:
        return self._settings.utc_offset_minutes

    def contacts(
        self, resident: str | None, gateway: str, now_ms: int, levels: Sequence[int] = ASKED_LEVELS
    ) -> tuple[str, ...]:
        """Whom an alarm asks, level by level: the registry's, or those of rules.yaml where it knows nobody."""
        found = contacts_for(self._db, resident, gateway, now_ms, self._settings.utc_offset_minutes)
        asked = [one.staff for level in levels for one in found if one.level == level]
        return tuple(asked[:MOST_CONTACTS]) or self._settings.contacts_of(gateway)

    def team_of(self, resident: str | None, gateway: str, at_ms: int) -> str | None:
        """The id of the team that looked after them at that time; None where the registry knows none."""
        return team_of(self._db, resident, gateway, at_ms, self._settings.utc_offset_minutes)

    def colleagues(self, asked: Sequence[str]) -> list[Colleague]:
        """To whom something can be handed: the contacts of rules.yaml, and those of the registry who were asked."""
        listed = [Colleague(one.id, one.role) for one in self._settings.contacts]
        known = {one.id for one in listed}
        return listed + [
            Colleague(id_, role)
            for id_ in asked
            if id_ not in known and (role := self.role_of(id_)) is not None
        ]

    def role_of(self, contact: str) -> str | None:
        """What pages show instead of a name."""
        known = self._settings.contact(contact)
        if known is not None:
            return known.role
        row = self._db.execute("SELECT role FROM staff WHERE id = ?", [contact]).fetchone()
        return row[0] if row else None

    def serves(self, contact: str, now_ms: int) -> bool:
        """Whether they may still be told of residents: a contact of rules.yaml, or of the registry and not gone."""
        if self._settings.contact(contact) is not None:
            return True
        today = day_of(now_ms, self.utc_offset_minutes)
        row = self._db.execute(
            "SELECT 1 FROM staff WHERE id = ? AND (until_day IS NULL OR until_day >= ?)", [contact, today]
        ).fetchone()
        return row is not None

    def site_name(self, gateway: str) -> str:
        """What messages and pages call the place."""
        site = self._settings.site_of(gateway)
        if site is not None:
            return site.name
        row = self._db.execute(
            "SELECT sites.name FROM gateways JOIN sites ON sites.id = gateways.site WHERE gateway = ?",
            [gateway],
        ).fetchone()
        return row[0] if row else gateway

    def place_of(self, gateway: str) -> str:
        """The id of the site where a gateway stands; the gateway's own where the registry knows none."""
        return site_of(self._db, gateway) or gateway

    def name_of_place(self, place: str) -> str:
        """What messages and pages call a place that `place_of` gave."""
        row = self._db.execute("SELECT name FROM sites WHERE id = ?", [place]).fetchone()
        return row[0] if row else self.site_name(place)

    def number_of(self, contact: str, why: str, now_ms: int) -> str | None:
        """The number, at the moment of sending; the look is noted first. None where there is none.

        Raises UserError where it cannot be opened, Retryable where the look cannot be noted.
        """
        known = self._settings.contact(contact)
        if known is not None:
            return known.to.get_secret_value()
        row = self._db.execute("SELECT phone FROM staff WHERE id = ?", [contact]).fetchone()
        if row is None or row[0] is None:
            return None
        with self._db.transaction():
            audit.note(self._db, [audit.Entry(now_ms, "notifier", "number", "staff", contact, why)])
        if self._vault is None:
            self._vault = open_vault(self._db, self._key_path)
        return self._vault.open(str(row[0]), place_of("staff", contact, "phone"))


def policies_fit(directory: Directory) -> Callable[[Policies], None]:
    """What the service asks of policies before they come into force, besides a sound file. Raises UserError."""
    return lambda policies: check_contacts(policies.named_contacts, directory)


def check_contacts(named: Iterable[str], directory: Directory) -> None:
    """Raises UserError where somebody is named whom nobody knows."""
    unknown = ", ".join(sorted(contact for contact in named if directory.role_of(contact) is None))
    if unknown:
        raise UserError(
            f"升级办法里的联系人不存在: {unknown} / the policy names contacts that do not exist: {unknown}"
        )
