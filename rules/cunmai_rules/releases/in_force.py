"""The release in force in a running service: the newest one whose time has come and that is as it was signed.

What is refused changes nothing: the rules in force stay, the reason is logged and shown in `problems`. Numbers
only go up; a release that was in force once stays until a later one takes its place, whatever the clock does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import structlog

from cunmai_rules.releases.approval import Approvers
from cunmai_rules.releases.clockwatch import ClockWatch
from cunmai_rules.releases.files import write_durably
from cunmai_rules.releases.folder import rules_of
from cunmai_rules.releases.line import in_force_at, published, verify_in_line
from cunmai_rules.releases.release import Opened, Refused, numbers, open_release, place_of
from cunmai_rules.settings import RulesSettings
from cunmai_rules.thresholds.loader import load_rules
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.watch import InForce, RulesInForce
from cunmai_runtime.clock import Clock
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import FileProblems, Problem, load_model


def rules_in_force(settings: RulesSettings, clock: Clock) -> InForce:
    """The published releases where the settings name them, else the folder of threshold files."""
    if settings.releases is None or settings.approvers is None:
        return RulesInForce(settings.packs, settings.rules_kept_path)
    kept = settings.data_dir / "release-in-force.json"
    watch = ClockWatch(settings.release_clock_path, clock)
    return ReleasesInForce(settings.releases, settings.approvers, kept, clock, watch)


def rules_at(settings: RulesSettings, t_ms: int) -> RuleSet:
    """What a service with these settings judged by then, for tools; of a plain folder, by now. Raises UserError."""
    if settings.releases is None or settings.approvers is None:
        return load_rules(settings.packs)
    current, _ = in_force_at(published(settings.releases), t_ms)
    if current is None:
        raise UserError("那时没有已生效的发布 / no release was in force then")
    return rules_of(verify_in_line(settings.releases, current, load_model(settings.approvers, Approvers)))


Signature = tuple[tuple[str, int, int], ...]


class ReleasesInForce:
    """`rules` are always a good set; `problems` say what is wrong with what was published."""

    def __init__(self, releases: Path, approvers: Path, kept: Path, clock: Clock, watch: ClockWatch) -> None:
        """Take the release that is due, or the last good copy. Raises UserError where there is neither."""
        self._releases = releases
        self._approvers = approvers
        self._kept = kept
        self._clock = clock
        self._watch = watch
        self._log = structlog.get_logger("rules")
        self._told: tuple[Problem, ...] = ()
        self._checked: Signature | None = None
        self._faults: dict[int, tuple[str, str]] = {}
        self._opened: dict[int, Opened] = {}
        self.problems: Sequence[Problem] = ()
        self.release: int | None = None
        copy = self._copy()
        if copy is not None:
            self.release, self.rules = copy
        self.poll()
        if self.release is None:
            raise UserError(self._nothing_yet())

    rules: RuleSet

    def poll(self) -> bool:
        """Look again; True where the rules or the problems have changed."""
        before = self.release
        believable = self._watch.believable()
        self._look()
        now_ms = self._clock()
        held, behind = [], []
        for number in self._newer():
            if number in self._faults or self._opened[number].due_ms > now_ms:
                continue
            if self._behind_a_fault(number):
                behind.append(number)
            elif not believable:
                held.append(number)
            elif self._take(self._opened[number]):
                break
        changed = self._report(held, behind)
        return changed or self.release != before

    def _newer(self) -> list[int]:
        """What was published since the release in force, the newest first."""
        return sorted((one for one in self._opened if one > (self.release or 0)), reverse=True)

    def _behind_a_fault(self, number: int) -> bool:
        """A later record is refused: it may be the one that cancels this. Where nothing is in force, it is taken."""
        return self.release is not None and any(one > number for one in self._faults)

    # -- looking --------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Check everything from the release in force on, where anything of it has changed on disk."""
        signature = self._signature()
        if signature == self._checked:
            return
        self._checked = signature
        self._faults.clear()
        self._opened.clear()
        approvers = self._load_approvers()
        for number in self._those():
            try:
                opened = open_release(self._releases, number)
                if approvers is not None:
                    verify_in_line(self._releases, opened, approvers)
                self._opened[number] = opened
            except Refused as error:
                self._faults[number] = (error.zh, error.en)

    def _those(self) -> list[int]:
        return [number for number in numbers(self._releases) if number >= (self.release or 1)]

    def _signature(self) -> Signature:
        """Of every file that matters: name, time, size."""
        found = [_stat(self._approvers)]
        for number in self._those():
            place = place_of(self._releases, number)
            found += [_stat(path) for path in (place, *place.rglob("*"))]
            found.append(_stat(place_of(self._releases, number - 1) / "release.json"))
        return tuple(sorted(found))

    def _load_approvers(self) -> Approvers | None:
        try:
            return load_model(self._approvers, Approvers)
        except FileProblems as error:
            self._faults[0] = (error.problems[0].zh, error.problems[0].en)
            return None

    # -- taking ---------------------------------------------------------------------------------------

    def _take(self, opened: Opened) -> bool:
        """Verify once more, at the moment it counts, and take its rules."""
        number = opened.release.number
        try:
            files = verify_in_line(self._releases, opened, load_model(self._approvers, Approvers))
            rules = rules_of(files)
            kept = {name: content.decode() for name, content in files.items()}
            write_durably(self._kept, json.dumps({"number": number, "files": kept}).encode())
        except Refused as error:
            self._faults[number] = (error.zh, error.en)
            return False
        except (UserError, UnicodeDecodeError) as error:
            # A pack that this program cannot read, or a copy that cannot be kept for a restart.
            zh, _, en = str(error).partition(" / ")
            self._faults[number] = (zh, en or zh)
            self._checked = None  # the disk may be mended: look again
            return False
        self.release, self.rules = number, rules
        self._log.info("rules.release_in_force", release=number, versions=rules.versions)
        return True

    def _copy(self) -> tuple[int, RuleSet] | None:
        """What was in force when this service last ran."""
        try:
            kept = json.loads(self._kept.read_text())
            return int(kept["number"]), rules_of(
                {name: text.encode() for name, text in kept["files"].items()}
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, UserError) as error:
            self._log.error("rules.kept_release_unreadable", file=str(self._kept), why=str(error))
            return None

    # -- telling --------------------------------------------------------------------------------------

    def _report(self, held: Sequence[int], behind: Sequence[int]) -> bool:
        """Log what has become a problem; whether the problems have changed."""
        problems = [
            Problem(str(place_of(self._releases, number) if number else self._approvers), 1, *fault)
            for number, fault in sorted(self._faults.items())
        ]
        problems += [
            Problem(
                str(place_of(self._releases, number)),
                1,
                "已到生效时间, 但服务器时钟跳变过且未同步, 规则保持不变; 请核对时钟后运行 cunmai rules confirm-clock",
                "its time has come, but the server's clock has jumped and is not synchronised: the rules stay; "
                "check the clock, then run cunmai rules confirm-clock",
            )
            for number in held
        ]
        problems += [
            Problem(
                str(place_of(self._releases, number)),
                1,
                "已到生效时间, 但后面的记录有问题, 它可能正是取消这一次的, 规则保持不变; 请先修复或重新发布",
                "its time has come, but a later record is refused, which may be the one that cancels it: the rules "
                "stay; mend that one, or publish again",
            )
            for number in behind
        ]
        self.problems = tuple(problems)
        if self.problems == self._told:
            return False
        for problem in problems:
            if problem not in self._told:
                self._log.error(
                    "rules.refused", file=problem.file, line=problem.line, zh=problem.zh, en=problem.en,
                    kept=self.release,
                )  # fmt: skip
        self._told = self.problems
        return True

    def _nothing_yet(self) -> str:
        faults = "\n".join(map(str, self.problems))
        if faults:
            return faults
        return (
            f"{self._releases} 里没有已生效的发布, 先运行 cunmai rules publish / "
            f"no release of {self._releases} is in force yet: run cunmai rules publish"
        )


def _stat(path: Path) -> tuple[str, int, int]:
    try:
        stat = path.stat()
    except OSError:
        return str(path), 0, -1
    return str(path), stat.st_mtime_ns, stat.st_size
