"""Two clinicians, a third who is no approver, and county IT: what they run to publish rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cunmai_rules.cli import app
from cunmai_rules.releases.clockwatch import ClockWatch
from cunmai_rules.releases.in_force import ReleasesInForce
from support.rules import OXIMETRY
from support.sms_sink import SECRET

NOW_MS = 1_800_000_000_000  # 2027-01-15T08:00:00Z
DAY_MS = 24 * 3_600_000
AT_ONCE = "2027-01-15T08:00:00+00:00"


@dataclass
class County:
    """Two clinicians, a third who is no approver, and county IT, over one folder of files."""

    root: Path
    now_ms: int = NOW_MS
    up_ms: int = 1_000_000
    boot: str = "boot-1"
    in_step: bool = False
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.root / "packs"

    @property
    def releases(self) -> Path:
        return self.root / "releases"

    def run(self, *arguments: object) -> Result:
        done = CliRunner().invoke(app, list(map(str, arguments)))
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    def limit(self, value: int, version: int) -> None:
        """The pack as it is now."""
        raw = OXIMETRY.replace(b"at_or_below: 93", b"at_or_below: %d" % value)
        (self.folder / "oximetry.yaml").write_bytes(raw.replace(b"version: 7", b"version: %d" % version))

    def new_key(self, name: str, *options: str) -> None:
        made = self.run("author-key", name, "--out", self.root / f"{name}.key", *options)
        self.keys[name] = next(line for line in made.stdout.splitlines() if line.startswith("  - {"))

    def list_approvers(self, *names: str, until: dict[str, str] | None = None) -> None:
        lines = []
        for name in names:
            line = self.keys[name]
            if until and name in until:
                line = line.replace("}", f", until: {until[name]}}}")
            lines.append(line)
        (self.root / "approvers.yaml").write_text("approvers:\n" + "\n".join(lines) + "\n")

    def approve(self, name: str, effective: str | None = None, note: str = "limit of the county") -> None:
        proposal = ("--effective", effective, "--note", note) if effective else ()
        self.run("approve", self.folder, "--key", self.root / f"{name}.key", *proposal)

    def publish(self, *options: str) -> Result:
        return self.run("publish", self.folder, "--config", self.root / "rules.yaml", *options)

    def release(self, value: int, version: int, effective: str = AT_ONCE) -> None:
        """The whole way of one change."""
        self.limit(value, version)
        self.approve("zhang-yi", effective, f"limit {value}")
        self.approve("li-er", effective, f"limit {value}")
        self.publish("--effective", effective, "--note", f"limit {value}")

    def rollback(self) -> Result:
        return self.run(
            "rollback",
            "--because",
            "too many pages",
            "--who",
            "it-wang",
            "--config",
            self.root / "rules.yaml",
        )

    def service(self) -> ReleasesInForce:
        watch = ClockWatch(
            self.root / "clock.json", self.clock,
            up=lambda: self.up_ms, boot=lambda: self.boot, in_step=lambda: self.in_step,
        )  # fmt: skip
        return ReleasesInForce(
            self.releases, self.root / "approvers.yaml", self.root / "kept.json", self.clock, watch
        )

    def clock(self) -> int:
        return self.now_ms

    def passes(self, ms: int) -> None:
        self.now_ms += ms
        self.up_ms += ms


def new_county(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> County:
    """Keys of three people, a list of two of them, and the service's configuration."""
    made = County(tmp_path)
    for module in ("cli", "cli_author"):
        monkeypatch.setattr(f"cunmai_rules.releases.{module}.system_clock", made.clock)
    made.folder.mkdir()
    for name in ("zhang-yi", "li-er", "wang-san"):
        made.new_key(name)
    made.list_approvers("zhang-yi", "li-er")
    (tmp_path / "rules.yaml").write_text(f"""\
data_dir: {tmp_path}/data
releases: {tmp_path}/releases
approvers: {tmp_path}/approvers.yaml
contacts: [{{id: village, role: 村医, to: "13800000001"}}]
fallback_contacts: [village]
webhook: {{url: "http://127.0.0.1:1/", secret: {SECRET}}}
public_url: http://127.0.0.1:8087
""")
    return made
