"""Where the files are that come with the program, to be read or copied."""

from __future__ import annotations

from pathlib import Path


def packs_dir() -> Path:
    """The shipped threshold files."""
    return _shipped("packs", "packs")


def scores_dir() -> Path:
    """The shipped score tables."""
    return _shipped("scores", "score_tables")


def policies_dir() -> Path:
    """The shipped example of a county's policy."""
    return _shipped("policies", "policy_files")


def templates_dir() -> Path:
    """The shipped message templates."""
    return _shipped("templates", "message_templates")


def _shipped(in_checkout: str, installed_as: str) -> Path:
    """Beside the code in a checkout, inside the package when installed."""
    package = Path(__file__).resolve().parent
    installed = package / installed_as
    return installed if installed.is_dir() else package.parent / in_checkout
