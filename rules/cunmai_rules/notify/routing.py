"""Which provider gets a message next, and when. Pure; docs/decisions says why a doubt waits.

The providers are tried in their order, those that fail lately last. A message goes from one to the next at
once; after all of them it waits, and begins again. One that a provider may have taken without saying so
stays there for `unsure_wait_s`: two equal messages are worse than one, and better than none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from cunmai_rules.escalation.policy import CLOCKS_DIFFER_MS
from cunmai_rules.journal.notices import Notice
from cunmai_rules.notify.breaker import Breaker, Circuit
from cunmai_rules.notify.providers.base import Fault, Refused
from cunmai_rules.notify.providers.settings import Provider, WebhookProvider


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody gets it before then: the provider that may have it has some time to say so."""

    until_ms: int


class Nobody:
    """Every provider has refused it for good."""


Route: TypeAlias = Provider | Wait | Nobody


def route(
    notice: Notice,
    providers: Sequence[Provider],
    breakers: Mapping[str, Breaker],
    now_ms: int,
    *,
    urgent: bool,
) -> Route:
    """Whom to give it to. `urgent`: it is not used for trying a provider that has failed lately."""
    left = [one for one in providers if one.name not in _names(notice.refused_by)]
    if not left:
        return Nobody()
    doubted = _in_doubt(notice, left, now_ms)
    if doubted is not None and notice.unsure_ms is not None:
        # Under the same idempotency key a repetition is no second message. The others know no such key.
        until_ms = notice.unsure_ms + doubted.unsure_wait_s * 1000
        return doubted if isinstance(doubted, WebhookProvider) else Wait(until_ms)
    fresh = [one for one in left if one.name not in _names(notice.tried)] or left
    circuits = {one.name: breakers.get(one.name, Breaker()).circuit(now_ms) for one in fresh}
    some_closed = Circuit.CLOSED in circuits.values()

    def rank(one: Provider) -> bool:
        circuit = circuits[one.name]
        return circuit is Circuit.OPEN or (circuit is Circuit.HALF_OPEN and urgent and some_closed)

    return min(fresh, key=rank)  # the first in order of those that are best


def settled(notice: Notice, providers: Sequence[Provider], now_ms: int) -> Notice:
    """Without a doubt whose wait is over: that provider has had its turn of this round."""
    if notice.unsure_ms is None or _in_doubt(notice, providers, now_ms) is not None:
        return notice
    tried = _add(notice.tried, notice.provider) if notice.provider else notice.tried
    return replace(notice, unsure_ms=None, tried=tried)


def after_refusal(
    notice: Notice, refused: Refused, providers: Sequence[Provider], now_ms: int, pause_ms: int
) -> Notice:
    """The notice as it is tried again, after its provider has refused it.

    `notice.unsure_ms` is what was in doubt before this attempt: a "no" to this one leaves it in doubt.
    """
    assert notice.provider is not None, "a refusal comes from where it was sent"
    changed = replace(notice, attempts=notice.attempts + 1, error=refused.reason)
    if refused.fault is Fault.PERMANENT:
        refused_by = _add(notice.refused_by, notice.provider)
        return replace(changed, refused_by=refused_by, unsure_ms=None, due_ms=now_ms)
    if refused.fault is Fault.UNSURE:
        unsure = replace(changed, unsure_ms=now_ms if notice.unsure_ms is None else notice.unsure_ms)
        return replace(unsure, due_ms=_doubt_due_ms(unsure, providers, now_ms, pause_ms))
    if notice.unsure_ms is not None:
        return replace(changed, due_ms=_doubt_due_ms(changed, providers, now_ms, pause_ms))
    tried = _add(notice.tried, notice.provider)
    if {one.name for one in providers} - _names(notice.refused_by) - _names(tried):
        return replace(changed, tried=tried, due_ms=now_ms)
    return replace(changed, tried="", due_ms=now_ms + pause_ms)


def _doubt_due_ms(notice: Notice, providers: Sequence[Provider], now_ms: int, pause_ms: int) -> int:
    """When a message in doubt is looked at again: soon under its key, at the latest when its wait is over."""
    one = _in_doubt(notice, providers, now_ms)
    if one is None or notice.unsure_ms is None:
        return now_ms
    over_ms = notice.unsure_ms + one.unsure_wait_s * 1000
    return min(now_ms + pause_ms, over_ms) if isinstance(one, WebhookProvider) else over_ms


def _in_doubt(notice: Notice, providers: Sequence[Provider], now_ms: int) -> Provider | None:
    """The provider that may have it and still has time to say so. A clock set back ends its time."""
    if notice.unsure_ms is None:
        return None
    one = next((one for one in providers if one.name == notice.provider), None)
    waiting = one is not None and -CLOCKS_DIFFER_MS <= now_ms - notice.unsure_ms < one.unsure_wait_s * 1000
    return one if waiting else None


def _names(text: str) -> set[str]:
    return set(filter(None, text.split(",")))


def _add(text: str, name: str) -> str:
    return ",".join(sorted(_names(text) | {name}))
