"""Commands: each id obeyed once, however often it is delivered, also across restarts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from pydantic import TypeAdapter

from cunmai_gateway.spool_thread import SpoolThread, SpoolUnavailable
from cunmai_runtime.logs import OnChange
from cunmai_wire.commands import Command, Configure, Prompt, Resend

RETRY_S = 5.0

_adapter: TypeAdapter[Command] = TypeAdapter(Command)


def drop_prompt(prompt: Prompt) -> None:
    """Where there is no page to show it on."""
    structlog.get_logger("commands").info("commands.prompt_dropped", id=prompt.id, reason="no_kiosk")


class Commanded:
    """A command is acknowledged to the broker only after `take` has returned.

    What it asks for is done first, its id is put on the disk then. A power cut between the two does it a
    second time, so both are made to bear that: sending again changes nothing for consumers, and
    a configuration that is in force already is not applied again.

    A prompt is no command to obey: nothing is put on the disk for it, so it never waits, and keeps no other
    command waiting.
    """

    def __init__(
        self,
        spool: SpoolThread,
        resend: Callable[[], None],
        configure: Callable[[Configure], Awaitable[None]],
        prompt: Callable[[Prompt], None] = drop_prompt,
        *,
        retry_s: float = RETRY_S,
    ) -> None:
        self._spool = spool
        self._resend = resend
        self._configure = configure
        self._prompt = prompt
        self._retry_s = retry_s
        self._log = structlog.get_logger("commands")
        self._changed = OnChange()

    async def take(self, payload: bytes) -> None:
        """Obey one command, waiting for the disk where need be. Raises pydantic.ValidationError."""
        command = _adapter.validate_json(payload)
        if isinstance(command, Prompt):
            self._prompt(command)
            return
        while True:
            try:
                await self._once(command)
            except SpoolUnavailable as error:
                if self._changed("disk", str(error)):
                    self._log.error("commands.held", id=command.id, why=str(error))
                await asyncio.sleep(self._retry_s)
            else:
                return

    async def _once(self, command: Resend | Configure) -> None:
        if await self._spool.use(lambda spool: spool.was_obeyed(command.id)):
            self._log.info("commands.known_already", id=command.id, command=command.command)
            return
        self._log.info("commands.obeyed", id=command.id, command=command.command)
        if isinstance(command, Resend):
            self._resend()
        else:
            await self._configure(command)
        await self._spool.use(lambda spool: spool.obeyed(command.id))
