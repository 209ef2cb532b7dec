"""What two people sign: exactly which files, in which versions, what for, and from when. Pure.

The signed bytes are the manifest's canonical JSON: keys in order, no blanks, UTF-8. Every file of the folder is in
it, golden cases included, by name and SHA-256; so a changed byte, a missing file or one too many is another manifest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[\w][\w. -]*(/[\w][\w. -]*)*\.ya?ml$", max_length=200)]
"""Relative, with `/`; no name begins with a dot, so none leads out of the folder."""
WITHDRAWN = re.compile(
    r"^([a-z0-9][a-z0-9._-]{0,99}(/[a-z0-9][a-z0-9._-]{0,99})?|\w[\w. -]*(/\w[\w. -]*)*\.test\.yaml)$"
)
WithdrawnName = Annotated[str, StringConstraints(pattern=WITHDRAWN.pattern, max_length=201)]
"""A pack; PACK/RULE: one rule of a pack that stays; NAME.test.yaml: the cases of a pack that stays."""
MOST_FILES = 500
SHORTEST_NOTE, LONGEST_NOTE = 4, 1000


class Signed(BaseModel):
    """Base of what is signed or kept: unknown keys would be unsigned words, so there are none."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class PackEntry(Signed):
    """Which file a pack is, and in which version."""

    file: FileName
    version: Annotated[int, Field(ge=1)]
    scores: tuple[FileName, ...] = ()
    """The authors' own score tables that its rules ask: another table is another pack."""


class Manifest(Signed):
    """The content of one release."""

    v: Literal[1] = 1
    files: Annotated[dict[FileName, Sha256], Field(min_length=1, max_length=MOST_FILES)]
    packs: Annotated[dict[str, PackEntry], Field(min_length=1, max_length=MOST_FILES)]
    note: Annotated[str, StringConstraints(min_length=SHORTEST_NOTE, max_length=LONGEST_NOTE)]
    """What the change is for."""
    effective_ms: Annotated[int, Field(ge=0)]
    """From when it is in force (ms since 1970 UTC)."""
    withdraws: Annotated[tuple[WithdrawnName, ...], Field(max_length=MOST_FILES)] = ()
    """What is meant to be in force no longer: nothing goes because its file was left out."""

    @model_serializer(mode="wrap")
    def _as_it_always_was(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `withdraws` where nothing is: what was signed before there was such a line stays the same."""
        written: dict[str, Any] = write(self)
        if not self.withdraws:
            del written["withdraws"]
        return written

    def content_of(self, pack: str) -> str:
        """The digest of a pack's file, and of the score tables that it asks."""
        entry = self.packs[pack]
        return digest_of("".join(self.files[name] for name in (entry.file, *entry.scores)).encode())

    @model_validator(mode="after")
    def _packs_are_files(self) -> Manifest:
        named = [name for pack in self.packs.values() for name in (pack.file, *pack.scores)]
        if missing := [name for name in named if name not in self.files]:
            raise ValueError(f"packs name files that are not listed: {', '.join(missing)}")
        return self

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, in hex: what names this manifest everywhere."""
        return digest_of(canonical(self))


def canonical(model: BaseModel) -> bytes:
    """The one way to write a model down."""
    return json.dumps(
        model.model_dump(mode="json"), ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()


def digest_of(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def differences(manifest: Manifest, files: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Which files are not as signed: (name, what is wrong with it), in order."""
    found = [(name, "missing") for name in manifest.files if name not in files]
    found += [(name, "not signed") for name in files if name not in manifest.files]
    found += [
        (name, "changed")
        for name, content in files.items()
        if name in manifest.files and digest_of(content) != manifest.files[name]
    ]
    return sorted(found)
