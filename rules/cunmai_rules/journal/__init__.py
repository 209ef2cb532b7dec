"""The rules' own store: what was judged, the state, escalations, notices, history, events.

One SQLite file; every batch of readings, the states they led to and what follows from them is one
transaction. Each thread opens its own connection.
"""
