"""The registry at the command line."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.escalation.policies import Policies
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.opening import open_journal
from cunmai_rules.registry.finding import View
from cunmai_rules.registry.keyring import open_vault
from cunmai_rules.registry.vault import Vault
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.applies import PersonalLimits
from cunmai_rules.thresholds.loader import load_rules
from cunmai_rules.thresholds.ruleset import for_subject
from cunmai_runtime.clock import system_clock
from cunmai_runtime.errors import Retryable, UserError
from cunmai_runtime.yamlfile import FileProblems, load_model

Config = Annotated[Path, typer.Option(help="rules.yaml")]


@dataclass(frozen=True, slots=True)
class Opened:
    """One command's view of it."""

    db: Database
    settings: RulesSettings

    @property
    def vault(self) -> Vault:
        return open_vault(self.db, self.settings.registry_key_path)

    @property
    def view(self) -> View:
        try:
            by_id = load_rules(self.settings.packs).by_id
        except FileProblems:
            by_id = {}  # `cunmai rules check` says what is wrong with those.

        def takes(rule: str, raises: float, clears: float) -> bool:
            return for_subject(by_id[rule], PersonalLimits(raises, clears)) is not by_id[rule]

        return View(
            system_clock(), self.settings.utc_offset_minutes, rules=frozenset(by_id), takes_limits=takes,
            policies=self._policies, contacts=frozenset(contact.id for contact in self.settings.contacts),
        )  # fmt: skip

    @property
    def _policies(self) -> Policies | None:
        """Those of the policy file; None where none is named, or it is wrong: `cunmai rules policy` says how."""
        try:
            return self.settings.escalation_policies() if self.settings.policies else None
        except FileProblems:
            return None


@contextmanager
def opened(config: Path) -> Iterator[Opened]:
    """The registry of this configuration; the service may be running. Raises UserError."""
    settings = load_model(config, RulesSettings)
    os.umask(0o077)  # What is made here is its user's alone.
    try:
        with closing(open_journal(settings.journal)) as db:
            yield Opened(db, settings)
    except Retryable as error:
        raise UserError(f"数据库现在不可用, 请稍后再试 / the database cannot be used now: {error}") from None


def operator() -> str:
    """Who sits at the keyboard, for the audit."""
    try:
        return f"operator:{getpass.getuser()}"
    except (KeyError, OSError):
        return "operator:unknown"
