"""The page that a message's link opens: what was found, why, and the four answers."""
