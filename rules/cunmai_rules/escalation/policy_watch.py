"""The policies in force: reloaded when their file changes, kept when the new one is wrong.

Open escalations go by the new ones from their next step on; deadlines that are set stay. The last good file
is kept beside the journal, so that a restart beside a broken one asks by what held before.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from cunmai_rules.escalation.policies import Policies, parse_policies
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.errors import UserError
from cunmai_runtime.wholefile import write_whole
from cunmai_runtime.yamlfile import FileProblems, Problem

Check = Callable[[Policies], None]
"""Raises UserError where policies cannot hold here: they name somebody whom nobody knows."""


def load_checked(path: Path, settings: RulesSettings, check: Check) -> Policies:
    """A policy file as the service takes it, or FileProblems as the service refuses it."""
    loaded = _parse(_read(path), str(path), settings)
    _fits(loaded, path, check)
    return loaded


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        problem = Problem(str(path), 1, f"读不到文件({reason})", f"cannot be read: {reason}")
        raise FileProblems([problem]) from None


def _parse(raw: bytes, name: str, settings: RulesSettings) -> Policies:
    return parse_policies(raw, name, settings.fallback_contacts, settings.utc_offset_minutes)


def _fits(loaded: Policies, path: Path, check: Check) -> None:
    try:
        check(loaded)
    except UserError as error:
        zh, _, en = str(error).partition(" / ")
        raise FileProblems([Problem(str(path), 1, zh, en or zh)]) from None


class PoliciesInForce:
    """`policies` are always good ones; `problems` say what is wrong with the file as it is now."""

    def __init__(self, settings: RulesSettings, check: Check = lambda _: None, *, keep: bool = False) -> None:
        """Load the file, or the last good copy. `keep`: write that copy. Raises FileProblems, UserError."""
        self._settings = settings
        self._path = settings.policies
        self._copy = settings.data_dir / "policies-in-force.json"
        self._keep = keep
        self._log = structlog.get_logger("rules")
        self._seen = self._look()
        self.problems: Sequence[Problem] = ()
        if self._path is None:
            self.policies = settings.escalation_policies()
            check(self.policies)
            return
        before = self._last_good()
        try:
            self.policies = self._load(self._path, check)
        except FileProblems as error:
            if before is None:
                raise
            self.policies = before
            self._refuse(error.problems)
        else:
            self.policies = self.policies if before is None else self.policies.after(before)

    def poll(self, check: Check = lambda _: None) -> bool:
        """Look at the file again; True where the policies or the problems have changed."""
        seen = self._look()
        if seen == self._seen or self._path is None:
            return False
        self._seen = seen
        try:
            loaded = self._load(self._path, check)
        except FileProblems as error:
            self._refuse(error.problems)
            return True
        self.policies, self.problems = loaded.after(self.policies), ()
        self._log.info("rules.policy_loaded", policy=self.policies.version)
        return True

    def _look(self) -> tuple[int, int] | None:
        try:
            stat = self._path.stat() if self._path else None
        except OSError:
            return None
        return (stat.st_mtime_ns, stat.st_size) if stat else None

    def _load(self, path: Path, check: Check = lambda _: None) -> Policies:
        """Raises FileProblems, whatever is wrong."""
        raw = _read(path)
        loaded = self._parse(raw, str(path))
        _fits(loaded, path, check)
        if self._keep:
            self._write_copy(path, raw)
        return loaded

    def _parse(self, raw: bytes, name: str) -> Policies:
        return _parse(raw, name, self._settings)

    def _write_copy(self, path: Path, raw: bytes) -> None:
        """Without it a restart beside a wrong file finds older ones: not in force before it is kept."""
        try:
            write_whole(self._copy, json.dumps({path.name: raw.decode("utf-8-sig")}).encode())
        except OSError as error:
            why = error.strerror or type(error).__name__
            self._seen = None  # tried again at the next look
            zh = f"新办法未生效: 写不进这个文件({why}), 请检查磁盘和权限"
            en = f"the new policy is not in force: this file cannot be written ({why}); check disk and rights"
            raise FileProblems([Problem(str(self._copy), 1, zh, en)]) from None

    def _last_good(self) -> Policies | None:
        try:
            ((_, text),) = json.loads(self._copy.read_bytes()).items()
            return self._parse(text.encode(), str(self._copy))
        except (OSError, ValueError, AttributeError, FileProblems):
            return None

    def _refuse(self, problems: Sequence[Problem]) -> None:
        if tuple(problems) == tuple(self.problems):
            return
        self.problems = problems
        for problem in problems:
            self._log.error(
                "rules.policy_refused", file=problem.file, line=problem.line, zh=problem.zh, en=problem.en,
                kept=self.policies.version,
            )  # fmt: skip
