"""What the rules service counts."""

from __future__ import annotations

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
NOTICES = Counter("cunmai_rules_notices", "Attempts to send a notice", ["outcome"])
RULE_FILE_PROBLEMS = Gauge("cunmai_rules_file_problems", "Problems in the threshold files as they are now")
EVENTS_WAITING = Gauge("cunmai_rules_events_waiting", "Events that ingest has not receipted yet")
HEARTBEATS = Counter("cunmai_rules_heartbeats", "Signals that the watcher outside has taken.")
SELF_TEST_PASSED = Gauge(
    "cunmai_rules_self_test_passed_timestamp_seconds",
    "When a synthetic page last came through the whole path. Alarm when it is older than two hours",
)
