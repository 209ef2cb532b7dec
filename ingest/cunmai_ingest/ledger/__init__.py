"""The loss ledger: measured = stored = judged, by gateway and day, and what is done about a difference.

book.commit ──> tables.enter      which numbers, of which day          (the same transaction)
every few seconds, keeper.sweep:
    reckon(stream)                pure: what became of every number
    gaps.follow(missing)          pure: since when, what to do, for which named reason
    tables.write                  the ledger itself, its gaps, its events (one transaction)
    events, `resend` commands, points for the panels, metrics
"""
