"""What a threshold file says that cannot be meant, and what it may have forgotten."""
