"""Errors that say what to do next: try again, give up on this input, or tell the user."""

from __future__ import annotations


class Retryable(Exception):
    """It may work later without anyone's help: a network fault, a busy or restarting server."""


class Permanent(Exception):
    """The same input will fail again: set it aside, with the reason, and go on."""


class UserError(Exception):
    """Something the person at the keyboard can mend. The text says what is wrong and what to do.

    A command prints it without a traceback and exits with status 2.
    """
