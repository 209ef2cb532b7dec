"""The rules service's configuration file, `rules.yaml`. A commented sample is in rules/README.md."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import (
    Field,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from cunmai_rules.escalation.policies import Policies, load_policies, one_policy
from cunmai_rules.escalation.policy import Policy
from cunmai_rules.journal.database import PARTS, JournalAt, PostgresAt
from cunmai_rules.moments import CHINA_MINUTES
from cunmai_rules.notify.languages import Language
from cunmai_rules.notify.providers.settings import AnyProvider, Provider, Section, WebhookProvider
from cunmai_rules.shipped import packs_dir
from cunmai_runtime.mqtt import MqttSettings
from cunmai_wire.base import GatewayId

ContactId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Contact(Section):
    """Someone who may be asked. `to` goes to the SMS webhook and nowhere else."""

    id: ContactId
    role: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    """What pages and logs show instead of a name: 村医, 乡镇卫生院值班."""
    to: SecretStr


class Site(Section):
    """One clinic: its gateway and whom to ask, nearest first."""

    gateway: GatewayId
    name: Annotated[str, StringConstraints(min_length=1, max_length=20)]
    altitude_m: int = Field(ge=-200, le=6000)
    contacts: Annotated[tuple[ContactId, ...], Field(min_length=1, max_length=12)]


class Webhook(WebhookProvider):
    """The SMS webhook, as the first of the providers."""

    at_once: int = Field(default=4, ge=1, le=32)
    """How many messages may be on their way at the same time, whatever their provider."""


class Sms(Section):
    """SMS providers in the order of preference, after `webhook` where that is set."""

    providers: Annotated[tuple[AnyProvider, ...], Field(max_length=6)] = ()
    at_once: int = Field(default=4, ge=1, le=32)
    """As `webhook.at_once`, where no webhook is set."""
    templates: Path | None = None
    """A folder with templates of your own; none: the shipped ones."""
    language: Language = "zh-CN"


class PolicySettings(Section):
    """See `escalation.policy.Policy`."""

    ack_within_s: int = Field(default=300, ge=5, le=86_400)
    outcome_within_s: int = Field(default=1800, ge=5, le=86_400)
    rounds: int = Field(default=3, ge=1, le=20)
    then_every_s: int = Field(default=1800, ge=5, le=86_400)
    quiet_s: int = Field(default=900, ge=0, le=3600)


class HeartbeatSettings(Section):
    """A watcher outside this building, that alarms when our signal stays away."""

    url: SecretStr
    """Asked for by GET. Whoever knows it could silence the watcher: it is in no log."""
    every_s: int = Field(default=60, ge=5, le=3600)

    @field_validator("url")
    @classmethod
    def _an_address(cls, url: SecretStr) -> SecretStr:
        if not re.fullmatch(r"https?://[^\s/]+\S*", url.get_secret_value()):
            raise ValueError("应是 http(s) 网址 / it should be an http(s) address")
        return url


class SelfTestSettings(Section):
    """A synthetic page through the whole path, to somebody who expects it."""

    contact: ContactId
    """Who gets it, and nobody else: a test number, in `contacts` like any other."""
    every_s: int = Field(default=3600, ge=600, le=86_400)
    within_s: int = Field(default=120, ge=20, le=280)
    """From the reading to the carrier's acceptance. Shorter than a contact's time to answer."""
    spo2_pct: float = Field(default=60, ge=0, le=100)
    """What nobody's finger shows: low enough that the rules in force page at once."""


class Listen(Section):
    """Where the answer pages are served."""

    host: str = "127.0.0.1"
    port: int = Field(default=8087, ge=0, le=65535)


class RulesSettings(Section):
    """Everything the rules service needs to know."""

    id: GatewayId = "rules"
    data_dir: Path
    database: SecretStr | None = None
    """Where PostgreSQL is (a connection string); None: a file in `data_dir`."""
    workers: int = Field(default=1, ge=1, le=PARTS)
    """Into how many slots the gateways are split. The same for every process of one database."""
    mqtt: MqttSettings = MqttSettings()
    packs: Path = Field(default_factory=packs_dir)
    releases: Path | None = None
    """Instead of `packs`: the folder of published releases. Only what two people approved comes into force."""
    approvers: Path | None = None
    """Who may approve releases: approvers.yaml."""
    contacts: Annotated[tuple[Contact, ...], Field(min_length=1, max_length=2000)]
    sites: Annotated[tuple[Site, ...], Field(max_length=2000)] = ()
    fallback_contacts: Annotated[tuple[ContactId, ...], Field(min_length=1, max_length=12)]
    """Who is asked about a gateway that no site lists, and when nobody of a site answers: an alarm always
    finds somebody."""
    webhook: Webhook | None = None
    sms: Sms = Sms()
    public_url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+(/\S*)?[^/\s]$")]
    """What the links in messages begin with, without a slash at the end."""
    listen: Listen = Listen()
    self_test: SelfTestSettings | None = None
    heartbeat: HeartbeatSettings | None = None
    """None: nobody outside is told that this service lives, so nobody learns that it died."""
    policy: PolicySettings = PolicySettings()
    """For everything alike, where no file of policies is named."""
    policies: Path | None = None
    """A policy file: whom to ask and how long to wait, by grade and priority. Watched: see `policy_watch`."""
    late_after_s: int = Field(default=300, ge=10, le=86_400)
    """A reading older than this at arrival is judged at its own time and goes to review, not to a page."""
    utc_offset_minutes: int = Field(default=CHINA_MINUTES, ge=-720, le=840)
    """The zone that messages and pages tell the time in. 480 is China."""
    keep_days: int = Field(default=30, ge=1, le=3650)
    """How long readings and closed escalations stay in the rules' own store."""

    @field_validator("sites")
    @classmethod
    def _gateways_once(cls, sites: tuple[Site, ...]) -> tuple[Site, ...]:
        gateways = [site.gateway for site in sites]
        twice = ", ".join(sorted({gateway for gateway in gateways if gateways.count(gateway) > 1}))
        if twice:
            raise ValueError(f"网关重复: {twice} / gateways are listed twice: {twice}")
        return sites

    @model_validator(mode="after")
    def _providers_named_once(self) -> RulesSettings:
        names = [provider.name for provider in self.providers]
        twice = ", ".join(sorted({name for name in names if names.count(name) > 1}))
        if twice:
            raise ValueError(f"短信平台重名: {twice} / SMS providers of the same name: {twice}")
        if not names:
            raise ValueError(
                "没有短信平台, 请填写 webhook 或 sms.providers / no SMS provider: set webhook or sms.providers"
            )
        return self

    @model_validator(mode="after")
    def _releases_have_approvers(self) -> RulesSettings:
        if (self.releases is None) != (self.approvers is None):
            raise ValueError(
                "releases 和 approvers 要么都写, 要么都不写 / give both releases and approvers, or neither"
            )
        return self

    @model_validator(mode="after")
    def _named_contacts_exist(self) -> RulesSettings:
        known = {contact.id for contact in self.contacts}
        named = {id_ for site in self.sites for id_ in site.contacts} | set(self.fallback_contacts)
        named |= {self.self_test.contact} if self.self_test else set()
        missing = ", ".join(sorted(named - known))
        if missing:
            raise ValueError(f"联系人未定义: {missing} / contacts are not defined: {missing}")
        return self

    @model_validator(mode="after")
    def _one_file_one_worker(self) -> RulesSettings:
        if self.workers > 1 and self.database is None:
            raise ValueError(
                "多个 workers 需要 PostgreSQL: 请填 database / several workers need PostgreSQL: set `database`"
            )
        return self

    @property
    def providers(self) -> tuple[Provider, ...]:
        """The SMS providers, the preferred one first."""
        return (*((self.webhook,) if self.webhook else ()), *self.sms.providers)

    @property
    def sends_summaries(self) -> bool:
        """Whether every provider can send a summary: those of templates need one that is approved for it.

        A summary that only some can send would wait for those, while the others would take its messages singly.
        """
        return not self.without_summaries

    @property
    def without_summaries(self) -> tuple[str, ...]:
        """The providers that cannot, by name."""
        return tuple(provider.name for provider in self.providers if not provider.sends("summary"))

    @property
    def takes_replies(self) -> bool:
        """Whether some provider passes replies by SMS on."""
        return any(provider.replies for provider in self.providers)

    @property
    def at_once(self) -> int:
        """How many messages may be on their way at the same time."""
        return self.webhook.at_once if self.webhook else self.sms.at_once

    @property
    def journal_path(self) -> Path:
        """The file, where no `database` is set."""
        return self.data_dir / "rules.sqlite"

    @property
    def registry_key_path(self) -> Path:
        """The keys of the names and numbers in the registry."""
        return self.data_dir / "registry.key"

    @property
    def journal(self) -> JournalAt:
        """Where the journal is."""
        return PostgresAt(self.database.get_secret_value()) if self.database else self.journal_path

    @property
    def rules_kept_path(self) -> Path:
        """The last good rules of a plain folder."""
        return self.data_dir / "rules-in-force.json"

    @property
    def release_clock_path(self) -> Path:
        return self.data_dir / "release-clock.json"

    def escalation_policies(self) -> Policies:
        """The policies, with the fallback contacts as the last resort when nobody answers. Raises FileProblems."""
        if self.policies is None:
            return one_policy(Policy(**self.policy.model_dump(), last_resort=self.fallback_contacts))
        return load_policies(self.policies, self.fallback_contacts, self.utc_offset_minutes)

    def contact(self, id_: str) -> Contact | None:
        """The contact of this id, as the roster is now."""
        return next((contact for contact in self.contacts if contact.id == id_), None)

    def site_of(self, gateway: str) -> Site | None:
        return next((site for site in self.sites if site.gateway == gateway), None)

    def contacts_of(self, gateway: str) -> tuple[str, ...]:
        """Whom to ask about a reading from this gateway. The self-test's own readings are nobody else's business."""
        if self.self_test is not None and gateway == self.id:
            return (self.self_test.contact,)
        site = self.site_of(gateway)
        return site.contacts if site is not None else self.fallback_contacts
