"""The people at the phones: they answer by reply or by link, late, twice, unclearly, or never. Strangers write, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from support.carrier_http import HttpCarrier, Sms
from support.carrier_later import Later
from support.carrier_log import Answer, CarrierLog

SEEN, CONTACTED, REFERRED, FALSE_ALARM = "seen", "contacted", "referred", "false_alarm"
_DIGITS = {SEEN: "1", CONTACTED: "2", REFERRED: "3", FALSE_ALARM: "4"}
_WORDS = {SEEN: "已看", CONTACTED: "已联系", REFERRED: "转诊", FALSE_ALARM: "误报"}
_WIDE = {SEEN: "１", CONTACTED: "２", REFERRED: "３", FALSE_ALARM: "４"}
_FORMS: tuple[Callable[[str, str], str], ...] = (
    lambda answer, code: f"{_DIGITS[answer]} {code}",
    lambda answer, code: f"{code} {_DIGITS[answer]}",
    lambda answer, code: f"{_WIDE[answer]}{code.lower()}。",
    lambda answer, code: f"{_WORDS[answer]} {code}",
)
_VAGUE = ("4点去看", "已联系不上", "好的", "你是谁")
"""Nothing that answers anything."""


@dataclass(frozen=True)
class Habits:
    """How likely each is, from 0 to 1, for one message that reached a phone."""

    answers: float = 0.5
    by_link: float = 0.4
    only_seen: float = 0.3
    forgets: float = 0.4
    """Says 已看 and no outcome, until reminded."""
    repeats: float = 0.15
    vague: float = 0.05
    stranger: float = 0.03
    """Somebody who was not written to answers, with the right code."""
    forger: float = 0.03
    """Somebody calls the service in the doctor's name, without the secret."""
    answer_after_s: tuple[float, float] = (2, 200)


class People:
    """`never`: about these residents nobody answers at all."""

    def __init__(self, log: CarrierLog, later: Later, never: Callable[[str], bool], habits: Habits) -> None:
        self._log = log
        self._later = later
        self._never = never
        self._habits = habits
        self._settled: set[tuple[str, str]] = set()
        self.carrier: HttpCarrier | None = None

    def rings(self, sms: Sms) -> None:
        """A message has reached its phone."""
        carrier, habits = self._carrier, self._habits
        if sms.code and carrier.chance(habits.stranger):
            self._soon(partial(carrier.reply, sms.provider, "13988888888", f"4 {sms.code}", "unknown_number"))
        if sms.code and carrier.chance(habits.forger):
            self._soon(partial(carrier.reply, sms.provider, sms.number, f"4 {sms.code}", "forged"))
        if self._never(sms.resident) or (sms.resident, sms.number) in self._settled:
            return
        if carrier.chance(habits.vague):
            text = _VAGUE[carrier.between((0, 1)) % len(_VAGUE)]
            self._soon(partial(carrier.reply, sms.provider, sms.number, text, "vague"))
        if carrier.chance(habits.answers):
            self._soon(partial(self._answers, sms))

    def _answers(self, sms: Sms) -> None:
        carrier = self._carrier
        if carrier.chance(self._habits.only_seen):
            self._says(sms, SEEN)
            if carrier.chance(self._habits.forgets):
                return
            self._soon(partial(self._outcome, sms))
        else:
            self._outcome(sms)

    def _outcome(self, sms: Sms) -> None:
        self._settled.add((sms.resident, sms.number))
        kinds = (CONTACTED, CONTACTED, REFERRED, FALSE_ALARM)
        self._says(sms, kinds[self._carrier.between((0, 4)) % len(kinds)])

    def _says(self, sms: Sms, answer: str) -> None:
        carrier = self._carrier
        by_link = sms.code is None or carrier.chance(self._habits.by_link)
        note = Answer(sms.resident, sms.number, answer, "link" if by_link else "sms", carrier.clock())
        place = self._log.answer(note)
        if by_link:
            self._opens_link(sms, answer, place)
            return
        text = _FORMS[carrier.between((0, 4)) % len(_FORMS)](answer, sms.code or "")
        for _ in range(1 + carrier.chance(self._habits.repeats)):
            carrier.reply(sms.provider, sms.number, text, "good", partial(self._log.confirm, place))

    def _opens_link(self, sms: Sms, answer: str, place: int) -> None:
        """A browser that gets no answer is tried again by its reader."""
        status = self._carrier.post(f"/e/{sms.token}", data={"answer": answer})
        if status is None or status >= 500:
            again_ms = self._carrier.clock() + 5000
            self._later.at(again_ms, partial(self._opens_link, sms, answer, place))
            return
        assert status == 303, f"a good link was answered {status}"
        self._log.confirm(place)

    def _soon(self, work: Callable[[], None]) -> None:
        self._later.at(self._carrier.clock() + self._carrier.between(self._habits.answer_after_s), work)

    @property
    def _carrier(self) -> HttpCarrier:
        assert self.carrier is not None, "phones are connected to a carrier"
        return self.carrier


def contact_of(numbers: Mapping[str, str]) -> Callable[[str], str]:
    """Whose number it is."""
    by_number = {number: contact for contact, number in numbers.items()}
    return by_number.__getitem__
