"""Every driver, found by looking into this package: a module with a `SPEC` is a driver."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from cunmai_gateway import drivers
from cunmai_gateway.drivers.base import DriverSpec


@cache
def driver_specs() -> dict[str, DriverSpec]:
    """Every driver by its name. Raises ValueError where two modules use one name."""
    specs: dict[str, DriverSpec] = {}
    for found in pkgutil.iter_modules(drivers.__path__):
        module = importlib.import_module(f"{drivers.__name__}.{found.name}")
        spec = getattr(module, "SPEC", None)
        if not isinstance(spec, DriverSpec):
            continue
        if spec.name in specs:
            raise ValueError(f"two drivers are called {spec.name}")
        specs[spec.name] = spec
    return specs
