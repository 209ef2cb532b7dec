"""Dashboards to JSON files, the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from cunmai_dashboards.ledger import ledger_dashboard
from cunmai_dashboards.quality import quality_dashboard
from cunmai_dashboards.resident import resident_dashboard

_BUILDERS = {
    "ledger.json": ledger_dashboard,
    "quality.json": quality_dashboard,
    "resident.json": resident_dashboard,
}


def dashboards() -> dict[str, dict[str, Any]]:
    """File name to dashboard, as plain JSON values."""
    return {name: json.loads(json.dumps(build(), cls=JSONEncoder)) for name, build in _BUILDERS.items()}


def texts() -> dict[str, str]:
    """File name to the text of the file."""
    return {
        name: json.dumps(built, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, built in dashboards().items()
    }


def write(folder: Path) -> list[Path]:
    """Write every dashboard; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in texts().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def stale(folder: Path) -> list[Path]:
    """The files that are missing or are not what the code builds now."""
    return [folder / name for name, text in texts().items() if _read(folder / name) != text]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
