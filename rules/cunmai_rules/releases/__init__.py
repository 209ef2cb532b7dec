"""Threshold files in force by two signatures: manifests, approvals, numbered releases, and the one in force."""
