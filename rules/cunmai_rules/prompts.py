"""What a kiosk is told when a rule asks for something: the wire's `prompt` command."""

from __future__ import annotations

import hashlib

from cunmai_rules.journal.judgements import Subject
from cunmai_rules.thresholds.events import Prompt
from cunmai_runtime.outgoing import Publication
from cunmai_wire import commands
from cunmai_wire.topics import Channel, gateway_topic

SHOWN_FOR_MS = 10 * 60_000
"""A kiosk that gets it later drops it: whom it was for has gone."""


def prompt_command(subject: Subject, prompt: Prompt, now_ms: int) -> Publication:
    """Topic and payload. The same prompt is the same command, however often it is made."""
    said = f"{subject.id} {prompt.rule} {prompt.t_ms}"
    command = commands.Prompt(
        v=1,
        id=f"prompt-{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}",
        at=now_ms,
        command="prompt",
        resident=subject.resident,
        device=subject.device,
        rule=prompt.rule,
        zh=prompt.zh,
        en=prompt.en,
        until=now_ms + SHOWN_FOR_MS,
    )
    return gateway_topic(subject.gateway, Channel.COMMANDS), command.model_dump_json().encode()
