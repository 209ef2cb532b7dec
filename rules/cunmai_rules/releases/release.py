"""One numbered release on disk: written once, whole, and checked in every byte before its rules are taken.

    releases/000007/release.json     number, kind, who published it and when, the digest of 000006/release.json
                    manifest.json    what was signed
                    approvals/zhang-yi.json …
                    files/oximetry.yaml …

Each release names the digest of the one before it: what was published can be neither changed nor left out
without every later release being refused.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from cunmai_rules.releases.approval import Approval, Approvers, judge, shortfall
from cunmai_rules.releases.files import read_bytes, write_durably
from cunmai_rules.releases.folder import read_approvals, read_folder
from cunmai_rules.releases.manifest import Manifest, Sha256, Signed, canonical, differences, digest_of
from cunmai_runtime.errors import UserError
from cunmai_runtime.wholefile import sync_folder

FIRST = "0" * 64
"""What the first release names as the one before it."""


class Release(Signed):
    """`release.json`."""

    v: Literal[1] = 1
    number: Annotated[int, Field(ge=1, le=999_999)]
    kind: Literal["release", "rollback", "cancel"]
    """`cancel`: what was waiting does not come into force, and what is in force goes on."""
    manifest: Sha256
    published_ms: Annotated[int, Field(ge=0)]
    by: Annotated[str, StringConstraints(min_length=1, max_length=80)]
    """Who ran the command."""
    previous: Sha256
    """Of the release before this one."""
    of: Annotated[int, Field(ge=1)] | None = None
    """A rollback: which release's content it brings back; a cancel: which one's goes on."""
    because: Annotated[str, StringConstraints(min_length=4, max_length=1000)] | None = None

    @model_validator(mode="after")
    def _says_why(self) -> Release:
        unsigned = self.kind != "release"
        if unsigned != (self.of is not None) or unsigned != (self.because is not None):
            raise ValueError(
                "a rollback or a cancel says of which release and because of what; nothing else does"
            )
        return self

    @property
    def digest(self) -> str:
        return digest_of(canonical(self))


@dataclass(frozen=True)
class Opened:
    """A release as it lies on disk, its own parts not yet compared with one another."""

    release: Release
    manifest: Manifest
    place: Path

    @property
    def due_ms(self) -> int:
        """From when it is in force: at once where it brings back, or keeps, what was."""
        return self.manifest.effective_ms if self.release.kind == "release" else self.release.published_ms


class Refused(UserError):
    """A release that may not come into force. Says which one and why."""

    def __init__(self, number: int, zh: str, en: str) -> None:
        super().__init__(f"第 {number} 次发布不能生效: {zh} / release {number} may not come into force: {en}")
        self.zh = zh
        self.en = en


def place_of(releases: Path, number: int) -> Path:
    return releases / f"{number:06d}"


def numbers(releases: Path) -> list[int]:
    """Every release there is, oldest first."""
    try:
        names = [path.name for path in releases.iterdir()]
    except OSError:
        return []
    return sorted(int(name) for name in names if len(name) == 6 and name.isascii() and name.isdigit())


def open_release(releases: Path, number: int) -> Opened:
    """Read what a release says of itself. Raises Refused."""
    place = place_of(releases, number)
    try:
        release = Release.model_validate_json(read_bytes(place / "release.json"))
        manifest = Manifest.model_validate_json(read_bytes(place / "manifest.json"))
    except (ValidationError, UserError):
        raise Refused(number, "发布记录读不出", "its record cannot be read") from None
    if release.number != number or release.manifest != manifest.digest:
        raise Refused(number, "发布记录被改动", "its record was changed")
    return Opened(release, manifest, place)


def verify(releases: Path, opened: Opened, approvers: Approvers) -> dict[str, bytes]:
    """The files of a release, once everything about it is as it was signed. Raises Refused."""
    release, number = opened.release, opened.release.number
    _check_chain(releases, release)
    try:
        files = read_folder(opened.place / "files")
        approvals = read_approvals(opened.place / "approvals")
    except UserError as error:
        zh, _, en = str(error).partition(" / ")
        raise Refused(number, zh, en) from None
    for name, what in differences(opened.manifest, files):
        words = {"missing": "缺失", "not signed": "未经签名", "changed": "被改动"}[what]
        raise Refused(
            number,
            f"文件 {name} {words}",
            f"{name} is {what}" if what != "changed" else f"{name} was changed",
        )
    signed_for_ms = _first_published_ms(releases, release)
    judged = [judge(one, opened.manifest.digest, approvers, signed_for_ms) for one in approvals]
    short = shortfall(judged)
    if short is not None:
        raise Refused(number, *short)
    return files


def _check_chain(releases: Path, release: Release) -> None:
    expected = FIRST if release.number == 1 else _digest_on_disk(releases, release.number - 1)
    if release.previous != expected:
        before = release.number - 1
        raise Refused(
            release.number,
            f"它之前的第 {before} 次发布被改动或删除",
            f"release {before}, which it follows, was changed or removed",
        )


def _digest_on_disk(releases: Path, number: int) -> str | None:
    try:
        return digest_of(read_bytes(place_of(releases, number) / "release.json"))
    except UserError:
        return None


def _first_published_ms(releases: Path, release: Release) -> int:
    """When this content was published first: a rollback brings back what was approved then."""
    if release.of is None:
        return release.published_ms
    if release.of >= release.number:
        raise Refused(release.number, "回退的编号不对", "it rolls back to a later release")
    earlier = open_release(releases, release.of)
    if earlier.release.manifest != release.manifest:
        raise Refused(
            release.number,
            f"内容与第 {release.of} 次发布不同",
            f"its content is not that of release {release.of}",
        )
    return _first_published_ms(releases, earlier.release)


def add_release(
    releases: Path,
    release: Release,
    manifest: Manifest,
    approvals: Sequence[Approval],
    files: dict[str, bytes],
) -> Path:
    """Write a release under its number, whole or not at all. Raises UserError where the number was taken."""
    try:
        releases.mkdir(parents=True, exist_ok=True)
        fresh = releases / f".new-{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)  # of a run that was killed
        fresh.mkdir()
    except OSError as error:
        raise UserError(f"{releases} 写不进去({error.strerror}) / {releases}: {error.strerror}") from None
    place = place_of(releases, release.number)
    try:
        _write(fresh, release, manifest, approvals, files)
        # Fails where the number was taken meanwhile: a folder with content is not replaced.
        fresh.rename(place)
        sync_folder(releases)
    except OSError as error:
        raise UserError(
            f"{place} 写不进去({error.strerror}) / cannot write {place}: {error.strerror}"
        ) from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return place


def _write(
    place: Path, release: Release, manifest: Manifest, approvals: Sequence[Approval], files: dict[str, bytes]
) -> None:
    contents = {f"files/{name}": content for name, content in files.items()}
    contents |= {f"approvals/{one.statement.approver}.json": canonical(one) for one in approvals}
    contents |= {"manifest.json": canonical(manifest), "release.json": canonical(release)}
    for name, content in contents.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_durably(path, content)
        path.chmod(0o444)
    for folder in [place, *(path for path in place.rglob("*") if path.is_dir())]:
        sync_folder(folder)
