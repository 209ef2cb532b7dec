"""When a certificate ends, read from its own bytes: the standard library verifies, but does not tell. Pure.

X.509 (RFC 5280): Certificate ::= SEQUENCE { tbsCertificate ::= SEQUENCE { [0] version, serialNumber,
signature, issuer, validity ::= SEQUENCE { notBefore, notAfter }, … }, … }
"""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----")


def ends_of(pem: bytes) -> list[datetime]:
    """The end of each certificate in a PEM file. Raises ValueError where one cannot be read."""
    try:
        return [_end_of(base64.b64decode(body)) for body in _PEM.findall(pem)]
    except IndexError:
        raise ValueError("a certificate is cut short") from None


def _end_of(der: bytes) -> datetime:
    _, certificate, _ = _element(der)
    _, rest, _ = _element(certificate)
    tag, _, after = _element(rest)
    if tag == _VERSION:
        rest = after
    for _field in ("serialNumber", "signature", "issuer"):
        _, _, rest = _element(rest)
    tag, validity, _ = _element(rest)
    if tag != _SEQUENCE:
        raise ValueError("not a certificate")
    _, _, second = _element(validity)
    tag, text, _ = _element(second)
    formats = {_UTC_TIME: "%y%m%d%H%M%SZ", _GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}
    if tag not in formats:
        raise ValueError("not a certificate")
    return datetime.strptime(text.decode("ascii"), formats[tag]).replace(tzinfo=UTC)


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first DER element, and what follows it."""
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("a certificate is cut short")
    return tag, data[start : start + length], data[start + length :]
