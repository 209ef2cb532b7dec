"""Ingest: readings and events from the broker into the time-series store, receipted once they are durable.

    intake -> understand -> store.write -> settle -> book.commit -> receipts -> ack

`service.py` holds that loop. Storage is `stores/`; what is held, and what was set aside, is `book.py`.
"""
