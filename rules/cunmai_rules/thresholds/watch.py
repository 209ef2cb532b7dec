"""The rules in force: reloaded when a file changes, kept when the new files are wrong.

The last good files are kept in `in_force`, so that a restart beside a broken file does not leave a clinic
without rules.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import structlog

from cunmai_rules.thresholds.loader import build_rules, is_pack, read_sources
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_runtime.errors import UserError
from cunmai_runtime.wholefile import write_whole
from cunmai_runtime.yamlfile import FileProblems, Problem

Signature = tuple[tuple[str, int, int], ...]


class InForce(Protocol):
    """The rules that a service judges by, and what is wrong with those that it was given since."""

    rules: RuleSet
    problems: Sequence[Problem]
    release: int | None
    """The number of the published release that they are of; None where a plain folder is watched."""

    def poll(self) -> bool:
        """Look again; True where the rules or the problems have changed."""


class RulesInForce:
    """`rules` are always a good set; `problems` say what is wrong with the files as they are now."""

    def __init__(self, folder: Path, in_force: Path) -> None:
        """Load the folder, or the last good copy. Raises FileProblems where there is neither."""
        self._folder = folder
        self._in_force = in_force
        self._log = structlog.get_logger("rules")
        self._signature = self._look()
        self.problems: Sequence[Problem] = ()
        self.release: int | None = None
        try:
            self.rules = self._load()
        except FileProblems as error:
            self.rules = self._last_good(error)
            self.problems = error.problems
            self._report(error)
        except OSError as error:
            raise UserError(
                f"{in_force} 写不进去({error.strerror}), 请检查磁盘和权限 / "
                f"{in_force} cannot be written ({error.strerror}): check disk and rights"
            ) from None

    def poll(self) -> bool:
        """Look at the files again; True where the rules or the problems have changed."""
        signature = self._look()
        if signature == self._signature:
            return False
        self._signature = signature
        try:
            self.rules = self._load()
        except FileProblems as error:
            self.problems = error.problems
            self._report(error)
            return True
        except OSError as error:
            # The old rules stay: after a restart beside a wrong file, the copy would bring back others than
            # these. It is tried again at the next look.
            self._signature = ()
            return self._not_kept(error)
        self.problems = ()
        self._log.info("rules.loaded", versions=self.rules.versions)
        return True

    def _look(self) -> Signature:
        try:
            entries = [(path.name, path.stat()) for path in self._folder.iterdir() if is_pack(path)]
        except OSError:
            return ()
        return tuple(sorted((name, stat.st_mtime_ns, stat.st_size) for name, stat in entries))

    def _load(self) -> RuleSet:
        sources = read_sources(self._folder)
        rules = build_rules(sources, str(self._folder))
        kept = json.dumps({name: raw.decode() for name, raw in sources})
        write_whole(self._in_force, kept.encode())
        return rules

    def _last_good(self, error: FileProblems) -> RuleSet:
        try:
            kept = json.loads(self._in_force.read_text())
        except FileNotFoundError:
            raise error from None
        except (OSError, ValueError) as fault:
            raise UserError(
                f"{error}\n上一份规则也读不出 / the last good copy cannot be read: {fault}"
            ) from None
        return build_rules([(name, text.encode()) for name, text in kept.items()], str(self._in_force))

    def _not_kept(self, error: OSError) -> bool:
        why = error.strerror or type(error).__name__
        problem = Problem(
            str(self._in_force),
            1,
            f"新规则未生效: 写不进这个文件({why}), 请检查磁盘和权限",
            f"the new rules are not in force: this file cannot be written ({why}); check disk and rights",
        )
        known = tuple(self.problems) == (problem,)
        self.problems = (problem,)
        if not known:
            self._report(FileProblems([problem]))
        return not known

    def _report(self, error: FileProblems) -> None:
        for problem in error.problems:
            self._log.error(
                "rules.refused", file=problem.file, line=problem.line, zh=problem.zh, en=problem.en,
                kept=self.rules.versions,
            )  # fmt: skip
