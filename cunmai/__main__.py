"""`cunmai` and `python -m cunmai`: the command, from its first import on, ends quietly at Ctrl-C."""

from __future__ import annotations

INTERRUPTED = 130


def main() -> None:
    """Entry point of the `cunmai` command."""
    try:
        from cunmai.main import main as command  # noqa: PLC0415 - so that Ctrl-C is met while it loads, too

        command()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
