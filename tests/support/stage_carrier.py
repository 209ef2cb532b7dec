"""The carriers of a story: every phone and every provider does as it is told, message by message.

What is real is everything of ours around them: what came of a request goes to the notifier, and receipts and
replies come in by the signed callback addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

from cunmai_rules.notify.providers.base import Accepted, Fault, Message, Outcome, Refused
from cunmai_rules.notify.providers.settings import Provider

RECEIPT_AFTER_MS = 3000


class Phone(StrEnum):
    """How a phone, and the carrier about it, behaves."""

    ON = "on"
    OFF = "off"
    """The message is accepted; it does not arrive, and no receipt comes."""
    NO_RECEIPT = "no_receipt"
    """It arrives, and no receipt comes."""
    FAILS = "fails"
    """It does not arrive, and the receipt says so."""
    LIES = "lies"
    """It does not arrive, and the receipt says that it did."""


@dataclass(frozen=True)
class Sent:
    """A message that a provider has taken."""

    provider: str
    who: str
    message: Message
    arrived: bool


@dataclass(frozen=True)
class Receipt:
    """On its way to us."""

    at_ms: int
    provider: str
    notice: str
    number: str
    delivered: bool


@dataclass
class StageCarrier:
    """All providers' carriers, and the phones behind them."""

    clock: Callable[[], int]
    who: dict[str, str]
    """Whose number it is."""
    sent: list[Sent] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Provider and notice of every attempt, in order."""
    receipts_arrive: int = 1
    """How often each receipt comes."""
    _phones: dict[str, Phone] = field(default_factory=dict)
    _answers: dict[str, Refused] = field(default_factory=dict)
    _answers_to: dict[str, Refused] = field(default_factory=dict)
    _receipts: list[Receipt] = field(default_factory=list)

    # -- what the story says --------------------------------------------------------------------------

    def phone(self, who: str, behaves: Phone) -> None:
        """From now on."""
        self._phones[who] = behaves

    def phone_off(self, who: str) -> None:
        """Accepted by the provider; it never arrives, and no receipt comes."""
        self.phone(who, Phone.OFF)

    def no_receipt(self, who: str) -> None:
        """It arrives, and no receipt comes."""
        self.phone(who, Phone.NO_RECEIPT)

    def fails(self, who: str) -> None:
        """It does not arrive, and the receipt says so."""
        self.phone(who, Phone.FAILS)

    def lies(self, who: str) -> None:
        """It does not arrive, and the receipt says that it did."""
        self.phone(who, Phone.LIES)

    def down(self, *providers: str) -> None:
        """They answer 500."""
        self._answer(providers, Refused(Fault.RETRYABLE, "HTTP 500"))

    def silent(self, *providers: str) -> None:
        """They take the message, and no answer to the request comes."""
        self._answer(providers, Refused(Fault.UNSURE, "no answer within 10 s"))

    def refuses(self, *providers: str, with_: Refused) -> None:
        """They answer this to everything."""
        self._answer(providers, with_)

    def refuses_to(self, who: str, *, with_: Refused) -> None:
        """Every provider answers this to messages for one person."""
        self._answers_to[who] = with_

    def up(self, *providers: str) -> None:
        """They work again."""
        for name in providers:
            del self._answers[name]

    def _answer(self, providers: tuple[str, ...], answer: Refused) -> None:
        self._answers |= dict.fromkeys(providers, answer)

    # -- what the service sees ------------------------------------------------------------------------

    def submit(self, message: Message, provider: Provider) -> Future[Outcome]:
        """As `Sender.submit`, at once."""
        self.asked.append((provider.name, message.id))
        future: Future[Outcome] = Future()
        future.set_result(self._outcome(message, provider.name))
        return future

    def _outcome(self, message: Message, provider: str) -> Outcome:
        answer = self._answers_to.get(self.who[message.to]) or self._answers.get(provider)
        if answer is not None and answer.fault is not Fault.UNSURE:
            return answer
        self._take(message, provider)
        return answer or Accepted(None)

    def _take(self, message: Message, provider: str) -> None:
        if any((one.provider, one.message.id) == (provider, message.id) for one in self.sent):
            return  # the idempotency key: sent once
        who = self.who[message.to]
        behaves = self._phones.get(who, Phone.ON)
        arrived = behaves in (Phone.ON, Phone.NO_RECEIPT)
        self.sent.append(Sent(provider, who, message, arrived))
        if behaves in (Phone.OFF, Phone.NO_RECEIPT):
            return
        says = behaves is not Phone.FAILS
        receipt = Receipt(self.clock() + RECEIPT_AFTER_MS, provider, message.id, message.to, says)
        self._receipts += [receipt] * self.receipts_arrive

    def due(self) -> list[Receipt]:
        """The receipts whose time has come."""
        now_ms = self.clock()
        ready = [one for one in self._receipts if one.at_ms <= now_ms]
        self._receipts = [one for one in self._receipts if one.at_ms > now_ms]
        return ready
