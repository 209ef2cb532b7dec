"""Rules: thresholds, the pure step, journal, escalation, notification, and the page a doctor answers on."""
