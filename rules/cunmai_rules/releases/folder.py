"""A folder of threshold files that is to be released, and the approvals beside it.

oximetry.yaml  oximetry.test.yaml
approvals/3f2a…/manifest.json        what is signed: named by the first digits of its digest
                zhang-yi.json        one approval for each person
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from cunmai_rules.releases.approval import Approval
from cunmai_rules.releases.files import read_bytes, write_durably
from cunmai_rules.releases.manifest import MOST_FILES, Manifest, PackEntry, canonical, differences, digest_of
from cunmai_rules.scores.files import is_score
from cunmai_rules.thresholds.loader import LoadedPack, build_rules, is_pack, read_packs
from cunmai_rules.thresholds.ruleset import RuleSet
from cunmai_rules.thresholds.scored import ScoreAt, ScoreBand
from cunmai_runtime.errors import UserError
from cunmai_runtime.yamlfile import parse_document

APPROVALS = "approvals"
_SHORT = 16


def read_folder(folder: Path) -> dict[str, bytes]:
    """Every YAML file in it, by relative name. Raises UserError for links and for too many files."""
    if not folder.is_dir():
        raise UserError(f"没有目录 {folder} / there is no folder {folder}")
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix not in (".yaml", ".yml") or name.split("/")[0] == APPROVALS:
            continue
        if path.is_symlink() or not path.is_file():
            raise UserError(f"{path} 不是普通文件 / {path} is not a plain file")
        found[name] = read_bytes(path)
    if not 1 <= len(found) <= MOST_FILES:
        raise UserError(
            f"{folder} 里应有 1 到 {MOST_FILES} 个 YAML 文件 / {folder} should hold 1 to {MOST_FILES} YAML files"
        )
    return found


def rules_of(files: dict[str, bytes]) -> RuleSet:
    """The rules in these files. Raises FileProblems."""
    return build_rules(_sources(files))


def _sources(files: dict[str, bytes]) -> list[tuple[str, bytes]]:
    """What the loader would read of such a folder: threshold files and score tables."""
    return [
        (name, content) for name, content in sorted(files.items()) if "/" not in name and is_pack(Path(name))
    ]


def make_manifest(
    files: dict[str, bytes], note: str, effective_ms: int, withdraws: Sequence[str] = ()
) -> Manifest:
    """The manifest of these files. Raises FileProblems where they are no good threshold files, UserError."""
    loaded = loaded_packs(files)
    tables = _own_scores(files)
    packs = {one.pack.pack: _entry(one, tables) for one in loaded}
    try:
        return Manifest(
            files={name: digest_of(content) for name, content in files.items()},
            packs=packs,
            note=note,
            effective_ms=effective_ms,
            withdraws=tuple(sorted(set(withdraws))),
        )
    except ValidationError as error:
        why = "; ".join(fault["msg"] for fault in error.errors(include_url=False)[:3])
        raise UserError(f"不能作为一次发布: {why} / this cannot be a release: {why}") from None


def loaded_packs(files: dict[str, bytes]) -> list[LoadedPack]:
    """The packs among these files. Raises FileProblems."""
    rules_of(files)
    loaded, _ = read_packs(_sources(files))
    return loaded


def _own_scores(files: dict[str, bytes]) -> dict[str, str]:
    """The authors' own score tables: name to file."""
    documents = [parse_document(content, name) for name, content in _sources(files)]
    return {str(one.value["score"]): one.file for one in documents if is_score(one)}


def _entry(one: LoadedPack, tables: dict[str, str]) -> PackEntry:
    asked = {
        leaf.score for rule in one.pack.rules for leaf in rule.leaves if isinstance(leaf, ScoreAt | ScoreBand)
    }
    own = tuple(sorted(tables[name] for name in asked if name in tables))
    return PackEntry(file=one.document.file, version=one.pack.version, scores=own)


def proposals(folder: Path) -> Iterator[Manifest]:
    """The manifests that somebody has signed here, and that fit the files as they are now."""
    files = read_folder(folder)
    for manifest in signed_here(folder):
        if not differences(manifest, files):
            yield manifest


def signed_here(folder: Path) -> list[Manifest]:
    """Every manifest that somebody has signed beside these files, whether or not it fits them still."""
    found = []
    for path in sorted((folder / APPROVALS).glob("*/manifest.json")):
        try:
            manifest = Manifest.model_validate_json(read_bytes(path))
        except ValidationError:
            continue  # not ours; it is not signed again, and a release is never made of it
        if path.parent.name == manifest.digest[:_SHORT]:
            found.append(manifest)
    return found


def keep_approval(folder: Path, manifest: Manifest, approval: Approval) -> Path:
    """Write an approval, and its manifest, beside the files."""
    place = folder / APPROVALS / manifest.digest[:_SHORT]
    place.mkdir(parents=True, exist_ok=True)
    write_durably(place / "manifest.json", canonical(manifest))
    path = place / f"{approval.statement.approver}.json"
    write_durably(path, canonical(approval))
    return path


def approvals_of(folder: Path, manifest: Manifest) -> list[Approval]:
    """The approvals that lie beside the files for this manifest. Raises UserError for one that is none."""
    return read_approvals(folder / APPROVALS / manifest.digest[:_SHORT])


def read_approvals(place: Path) -> list[Approval]:
    """Each file but the manifest."""
    found = []
    for path in sorted(place.glob("*.json")):
        if path.name == "manifest.json":
            continue
        try:
            found.append(Approval.model_validate_json(read_bytes(path)))
        except ValidationError:
            raise UserError(f"{path} 不是审批文件 / {path} is not an approval") from None
    return found
