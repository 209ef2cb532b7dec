"""Drivers: how to speak to one type of device over a connected bleak client."""
