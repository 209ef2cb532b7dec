"""A history through old and new rules: what would have happened. `cunmai rules replay`."""
