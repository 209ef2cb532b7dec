"""What the rules service counts."""

from __future__ import annotations

import math

from prometheus_client import Counter, Gauge

JUDGED = Counter("cunmai_rules_readings_judged", "Readings judged")
REFUSED = Counter("cunmai_rules_readings_refused", "Readings or messages refused", ["reason"])
CLOCK_DISAGREEMENTS = Counter(
    "cunmai_rules_clock_disagreements",
    "Messages whose gateway's clock and ours differ by more than two minutes",
)
ESCALATIONS = Counter("cunmai_rules_escalations", "Escalations opened", ["rule", "lane"])
ESCALATIONS_NOW = Gauge(
    "cunmai_rules_escalations_now",
    "Escalations as they stand; page/exhausted: everyone was asked and nobody answers",
    ["lane", "status"],
)
PROVIDER_UP = Gauge(
    "cunmai_rules_sms_provider_up",
    "1 while an SMS provider is asked in its turn, 0 while it fails",
    ["provider"],
)
ATTEMPTS = Counter(
    "cunmai_rules_sms_attempts", "Attempts to send, by what came of them", ["provider", "outcome"]
)
RECEIPTS = Counter(
    "cunmai_rules_sms_receipts", "Delivery receipts, by what was made of them", ["provider", "outcome"]
)
REPLIES = Counter("cunmai_rules_sms_replies", "Replies by SMS, by what was made of them", ["outcome"])
CALLBACKS_REFUSED = Counter(
    "cunmai_rules_sms_callbacks_refused", "Calls to the SMS callback addresses that were refused", ["reason"]
)
LINKS_REFUSED = Counter(
    "cunmai_rules_links_refused", "Links and worklist addresses that opened nothing", ["reason"]
)
NOTICES = Counter("cunmai_rules_notices", "Attempts to send a notice", ["outcome"])
RULE_FILE_PROBLEMS = Gauge("cunmai_rules_file_problems", "Problems in the threshold files as they are now")
POLICY_FILE_PROBLEMS = Gauge(
    "cunmai_rules_policy_file_problems", "Problems in the policy file as it is now; the last good one holds"
)
EVENTS_WAITING = Gauge("cunmai_rules_events_waiting", "Events that ingest has not receipted yet")
DATABASE_CLOCK_AHEAD = Gauge(
    "cunmai_rules_database_clock_ahead_seconds",
    "How far this server's clock is ahead of its PostgreSQL's; NaN: not known. Alarm beyond a minute, either way",
)
DATABASE_CLOCK_AHEAD.set(math.nan)
HEARTBEATS = Counter("cunmai_rules_heartbeats", "Signals that the watcher outside has taken.")
SELF_TEST_PASSED = Gauge(
    "cunmai_rules_self_test_passed_timestamp_seconds",
    "When a synthetic page last came through the whole path. Alarm when it is older than two hours",
)
