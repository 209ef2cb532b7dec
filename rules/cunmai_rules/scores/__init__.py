"""Score tables as data: files that a clinician can read, and the arithmetic over them."""
