"""Simulated peripherals over Bumble: real GATT, scripted scenarios, replay of recorded vitals."""
