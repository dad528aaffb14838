"""A campaign's folder: the plan, a journal of the shards that are done, and each finding in a file of its own.

campaign.json     the plan
journal.jsonl     a line a shard, written when all that it found is stored
findings/*.json   a finding by its signature, with its program, its seed and its scripts
findings/*.py     its scripts: NAME.torch.py is in PyTorch's words
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from refgrad.errors import InvalidCampaign
from refgrad.harness.campaign.plan import Plan

__all__ = ["Store"]


class Store:
    """What a campaign has done so far; killed at any moment, it is found as it was after the last shard.

    Errors: ``InvalidCampaign`` for a folder with another plan, with files that are no campaign's, or in use.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder, self.findings_folder = folder, folder / "findings"
        self.findings_folder.mkdir(parents=True, exist_ok=True)
        self.done, self.programs, self.seconds = set[int](), 0, 0.0
        self.reached, self.families = Counter[str](), Counter[str]()
        self._lock = locked(folder / "lock")
        try:
            self.plan = self._settle(plan)
            self.findings = {each["signature"]: each for each in self._kept()}
            self._journal = self._reopened(folder / "journal.jsonl")
        except BaseException:
            self._lock.close()
            raise

    def close(self) -> None:
        """Let another use the folder."""
        self._journal.close()
        self._lock.close()

    def stored(self, family: str) -> int:
        """How many findings of a family are stored."""
        return sum(each["family"] == family for each in self.findings.values())

    def keep(self, finding: dict[str, Any]) -> bool:
        """Store a finding, whole or not at all; false where one of its signature is there already."""
        signature = finding["signature"]
        if signature in self.findings:
            return False
        for speaker, script in finding["scripts"].items():
            write(self.path(finding).with_suffix(f".{speaker}.py"), script)
        write(self.path(finding), json.dumps(finding, indent=2, ensure_ascii=False))
        self.findings[signature] = finding
        return True

    def path(self, finding: dict[str, Any]) -> Path:
        """The file of a finding, named for its signature."""
        signature = finding["signature"]
        words = re.sub(r"[^a-z0-9]+", "-", signature.lower()).strip("-")[:60].rstrip("-")
        return self.findings_folder / f"{words}-{hashlib.sha256(signature.encode()).hexdigest()[:8]}.json"

    def finish(self, shard: dict[str, Any]) -> None:
        """Write down that a shard is done, for good: when this returns, it is on the disk."""
        self._journal.write(json.dumps(shard) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())
        self._count(shard)

    def _count(self, shard: dict[str, Any]) -> None:
        self.done.add(shard["shard"])
        self.programs += shard["programs"]
        self.seconds += shard["seconds"]
        self.reached.update(shard["reached"])
        self.families.update(shard["families"])

    def _settle(self, plan: Plan) -> Plan:
        path = self.folder / "campaign.json"
        if not path.exists():
            if (self.folder / "journal.jsonl").exists():
                raise InvalidCampaign(f"{self.folder}: has a journal and no campaign.json; name another folder")
            write(path, json.dumps(plan.record(), indent=2))
            return plan
        found = Plan.read(read(path), str(path))
        if differences := plan.differences(found):
            raise InvalidCampaign(
                f"{self.folder}: holds another campaign ({'; '.join(differences)}); name another folder, or ask for the same"
            )
        return found

    def _kept(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.findings_folder.glob("*.json")):
            found = read(path)
            if not isinstance(found, dict) or not found.keys() >= {"signature", "family"}:
                raise InvalidCampaign(f"{path}: no finding")
            yield found

    def _reopened(self, path: Path) -> IO[str]:
        """The journal, read and ready to go on; a last line that was being written is no line."""
        path.touch()
        whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
        for number, line in enumerate(whole, 1):
            try:
                self._count(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise InvalidCampaign(f"{path}, line {number}: no shard ({error})") from error
        with path.open("rb+") as file:
            file.truncate(sum(len(line) + 1 for line in whole))
        return path.open("a", encoding="utf-8", newline="\n")


def write(path: Path, text: str) -> None:
    """Write a file so that it is there whole, on the disk, or not at all."""
    draft = path.with_name(f"{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    with contextlib.suppress(OSError):  # Windows opens no folders
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidCampaign(f"{path}: cannot be read ({error})") from error


def locked(path: Path) -> IO[str]:
    """A file that one process at a time may hold; the system lets it go with the process."""
    file = path.open("w")
    with contextlib.suppress(ImportError):  # Windows has no fcntl
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise InvalidCampaign(f"{path.parent}: a campaign is running in this folder") from error
    return file
