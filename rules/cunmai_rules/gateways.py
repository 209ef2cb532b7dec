"""What gateways say of themselves, as readings of the kind `gateway_status`, so that rules can be about it.

A state message is judged when it reaches us: the time in it is the gateway's, and in a last will that of the
connection's beginning. The broker keeps each gateway's last message and sends it whenever we connect; that
changes nothing. Nothing of this is receipted.
"""

from __future__ import annotations

import hashlib

from pydantic import ValidationError

from cunmai_rules.arrival import AGREES_WITHIN_MS, EARLIEST_MS
from cunmai_rules.journal.database import Database
from cunmai_rules.journal.judgements import Judgements, Subject
from cunmai_rules.subjects import Subjects
from cunmai_rules.thresholds.catalogue import GATEWAY_STATUS
from cunmai_rules.thresholds.events import Observation
from cunmai_rules.thresholds.memory import key_of
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_wire.parsing import RefusalReason, Refused, explain
from cunmai_wire.state import GatewayState, Presence
from cunmai_wire.topics import parse_topic

KEPT_MS = 6 * 3_600_000
"""How long they are on record: one a minute of every gateway would outgrow what is measured."""


def subject_of_gateway(gateway: str) -> Subject:
    """The gateway itself. A device's subject has a '/' in its id."""
    return Subject(f"?{gateway}", gateway, gateway, None)


def stream_of_gateway(gateway: str) -> str:
    """Where its state messages are counted, apart from every stream of readings."""
    return f"state-of-{gateway}"


def status_of(state: GatewayState, arrived_ms: int) -> dict[str, object]:
    """The values of one state message, by field of `gateway_status`."""
    values: dict[str, object] = {
        "online": state.presence is Presence.ONLINE,
        "clock": str(state.clock),
        "lost_count": state.lost_total,
        "configuration_refused": state.configuration_refused is not None,
    }
    ahead_ms = state.at - arrived_ms
    if state.presence is Presence.ONLINE and ahead_ms >= -AGREES_WITHIN_MS:
        # One that is behind by more may have waited in the broker: that says nothing of the clock.
        values["clock_ahead_s"] = ahead_ms / 1000
    return values


class Gateways:
    """Works within the caller's transaction."""

    def __init__(self, db: Database, judgements: Judgements, subjects: Subjects) -> None:
        self._db = db
        self._judgements = judgements
        self._subjects = subjects

    def take(self, topic: str, payload: bytes, now_ms: int, rules: RuleSet) -> Refused | None:
        """Judge one state message; why it was not taken, or None."""
        if not payload:
            return None  # how MQTT clears a retained message
        try:
            state = GatewayState.model_validate_json(payload)
            address = parse_topic(topic)
        except ValidationError as error:
            return Refused(RefusalReason.BAD_HEADER, explain(error))
        except ValueError as error:
            return Refused(RefusalReason.WRONG_TOPIC, str(error))
        if address.gateway != state.gateway:
            return Refused(RefusalReason.WRONG_TOPIC, f"published under another gateway than {state.gateway}")
        self._judge(state, hashlib.blake2b(payload, digest_size=8).hexdigest(), now_ms, rules)
        return None

    def _judge(self, state: GatewayState, digest: str, now_ms: int, rules: RuleSet) -> None:
        subject, stream = subject_of_gateway(state.gateway), stream_of_gateway(state.gateway)
        self._db.lock((subject.id,))
        last_seq, known = self._judgements.newest_of(stream, digest)
        if known:
            return
        # The first of a gateway may be one that the broker has kept since long ago.
        old = state.presence is Presence.ONLINE and EARLIEST_MS <= state.at < now_ms - AGREES_WITHIN_MS
        t_ms = state.at if last_seq == 0 and old else now_ms
        event = Observation(
            stream,
            last_seq + 1,
            GATEWAY_STATUS,
            t_ms,
            status_of(state, now_ms),
            (),
            late=False,
            arrived_ms=now_ms,
        )
        decisions = self._subjects.judge(subject, [event], rules).decisions
        self._judgements.record(subject, event, now_ms, digest, decisions.get(key_of(event), ()))
        self._db.execute(
            "DELETE FROM observation WHERE stream = ? AND seq < ? AND t_ms < ?",
            (stream, event.seq, now_ms - KEPT_MS),
        )
