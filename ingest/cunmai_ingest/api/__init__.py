"""The read API: JSON, FHIR and the ledger's page, for tokens with scopes, every look at a resident noted."""
