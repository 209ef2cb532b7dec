"""Escalation: who is asked next, and until when. `policy.py` is pure."""
