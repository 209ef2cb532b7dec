"""The rules' own store: what was judged, the state, escalations, notices, history, events.

Every batch of readings, the states they led to and what follows from them is one transaction. Each thread
opens its own connection. `database.py` says how to write statements and migrations.
"""
