"""Escalation: who is asked next, and until when. `machine.py` is pure, and what it goes by."""
