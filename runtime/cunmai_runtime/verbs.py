"""A command of many verbs that loads only the one that is called, and lists them in groups of who uses them.

Importing every verb of a service costs seconds on a small machine; its help and its quick verbs need none of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperGroup


@dataclass(frozen=True, slots=True)
class LazyVerb:
    """Where a verb is, and what the list of verbs says of it."""

    module: str
    function: str
    zh: str
    en: str


Groups = Mapping[str, Mapping[str, LazyVerb]]
"""By the heading of a group, and the name of a verb: in the order in which they are listed."""


def lazy_app(groups: Groups, *, zh: str, en: str) -> typer.Typer:
    """The command. A callable given to it as `obj` is called once a verb is loaded, before it runs."""
    verbs = {name: (heading, verb) for heading, those in groups.items() for name, verb in those.items()}

    class Group(TyperGroup):
        """Lists what it has not loaded."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            for name, (heading, verb) in verbs.items():
                self.commands[name] = _listed(name, heading, verb)

        def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
            name, command, rest = super().resolve_command(ctx, args)
            if name in verbs:
                command = _loaded(name, verbs[name][1])
                if callable(ctx.obj):
                    ctx.obj()
            return name, command, rest

    app = typer.Typer(cls=Group, add_completion=False, no_args_is_help=True, help=f"{zh} / {en}")
    app.callback()(_nothing)
    return app


def function_of(verb: LazyVerb) -> Callable[..., None]:
    """What the verb runs: its module is imported now."""
    function: Callable[..., None] = getattr(importlib.import_module(verb.module), verb.function)
    return function


def _nothing() -> None:
    """No option stands before the verb."""


def _listed(name: str, heading: str, verb: LazyVerb) -> Any:
    # On two lines: a line of both languages is broken in the wrong places.
    return _command(_nothing, name, help=f"{verb.zh}\n{verb.en}", rich_help_panel=heading)


def _loaded(name: str, verb: LazyVerb) -> Any:
    return _command(function_of(verb), name)


def _command(function: Callable[..., None], name: str, **options: Any) -> Any:
    one = typer.Typer(add_completion=False)
    one.command(name, **options)(function)
    return typer.main.get_command(one)
