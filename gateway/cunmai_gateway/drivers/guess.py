"""Which driver a device that advertises like this may want. Pure: names and services only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from cunmai_gateway.drivers.base import DriverSpec
from cunmai_gateway.drivers.uuids import uuid_of


class Basis(StrEnum):
    """What a guess rests on, best first."""

    NAME_AND_SERVICE = "name_and_service"
    NAME = "name"
    SERVICE = "service"
    """Several makers share a service: whether the frames fit shows when it is connected."""


@dataclass(frozen=True, slots=True)
class Guess:
    """One driver that may fit."""

    driver: str
    basis: Basis


def guess_drivers(specs: Mapping[str, DriverSpec], name: str | None, services: Iterable[str]) -> list[Guess]:
    """The drivers that may fit, best first; none where nothing speaks for any."""
    advertised = {service.lower() for service in services}
    guesses = [
        Guess(spec.name, basis)
        for spec in specs.values()
        if (basis := _basis(spec, name or "", advertised)) is not None
    ]
    return sorted(guesses, key=lambda guess: (list(Basis).index(guess.basis), guess.driver))


def _basis(spec: DriverSpec, name: str, advertised: set[str]) -> Basis | None:
    named = any(re.match(pattern, name, re.IGNORECASE) for pattern in spec.names)
    offered = any(uuid_of(service) in advertised for service in spec.services)
    if named:
        return Basis.NAME_AND_SERVICE if offered else Basis.NAME
    # A driver for certain models of a kind asks for their names.
    return Basis.SERVICE if offered and not (spec.names and _is_standard(spec)) else None


def _is_standard(spec: DriverSpec) -> bool:
    """Whether all its services are of the Bluetooth SIG (18xx), where any maker may be behind them."""
    return all(len(service) == 4 and service.startswith("18") for service in spec.services)
