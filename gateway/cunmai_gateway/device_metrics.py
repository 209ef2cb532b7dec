"""What the gateway counts of its devices and its radio."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

FRAMES = Counter("cunmai_gateway_frames", "Frames heard", ["gateway", "device", "outcome"])
"""`outcome`: measured, not_clinical, malformed, overrun."""
DEVICE_CONNECTED = Gauge("cunmai_gateway_device_connected", "1 while connected", ["gateway", "device"])
DEVICE_SILENT = Gauge("cunmai_gateway_device_silent", "1 while unheard too long", ["gateway", "device"])
RECOVERY_STEPS = Counter("cunmai_gateway_recovery_steps", "Steps of the recovery ladder", ["step", "result"])
