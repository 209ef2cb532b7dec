"""Notification: what a message says, and getting it accepted."""
