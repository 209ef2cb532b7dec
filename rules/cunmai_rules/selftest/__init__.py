"""A synthetic page through the whole path, every hour, to a test number."""
