"""Ingest: intake -> line protocol -> store, with quarantine and ledger."""
