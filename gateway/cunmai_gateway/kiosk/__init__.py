"""Who is being measured: the kiosk's sessions, its local API and its page."""
