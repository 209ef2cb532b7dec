"""The gateway: radio drivers -> readings -> spool -> uplink. Runs on the clinic kiosk."""
