"""Something to look at while a command works: on the terminal alone, and gone when it is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Step = Callable[[int, int], None]
"""Takes how many are done, and of how many."""


@contextmanager
def progress(what: str) -> Iterator[Step]:
    """Show `what`, the count and the time on standard error. Nothing is written where that is no terminal."""
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what)

        def step(done: int, of: int) -> None:
            bar.update(task, description=f"{what}: {done}/{of}")

        yield step
