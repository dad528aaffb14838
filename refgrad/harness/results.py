"""A run's record, ``results.jsonl``: a header, one line a case, a footer."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from refgrad.errors import InvalidRun
from refgrad.harness.outcomes import EXECUTED, OUTCOMES, PASSED, RED

__all__ = ["SCHEMA", "Case", "Footer", "Header", "Recorder", "Run", "close", "problems", "read", "recorded"]

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Header:
    """What was run, on what: everything that is known before the first case.

    ``spec`` names the backend, ``torch`` the release of torch whose behaviour was asked for.
    """

    backend: str
    version: str
    spec: str
    profiles: tuple[str, ...] = ()
    homepage: str = ""
    started: str = ""
    python: str = ""
    platform: str = ""
    selection: tuple[str, ...] = ()
    reproduce: tuple[str, ...] = ("pytest", "conformance/{id}")
    refgrad: str = ""
    torch: str = ""
    schema: int = SCHEMA

    def line(self, id: str) -> str:
        """The command that runs the case again."""
        return shlex.join(word.replace("{id}", id) for word in self.reproduce)


@dataclass(frozen=True, slots=True)
class Case:
    """One test, or one parametrization of it, and what came of it.

    ``choices`` are values that are not PyTorch's: where (nothing for the test itself), what, and PyTorch's.
    Units: ``duration`` in seconds.
    """

    id: str
    outcome: str
    behaviour: str = ""
    statement: str = ""
    level: str = "must"
    theme: str = ""
    reason: str = ""
    message: str = ""
    duration: float = 0.0
    blame: str | None = None
    choices: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Footer:
    """The sums.

    ``unmet`` names the expectations that no case bore out, ``invalid`` says why the whole run means nothing.
    Units: ``duration`` in seconds.
    """

    planned: int
    executed: int
    counts: dict[str, int] = field(default_factory=dict)
    unmet: tuple[str, ...] = ()
    invalid: str = ""
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run."""

    header: Header
    cases: tuple[Case, ...]
    footer: Footer

    @property
    def counts(self) -> dict[str, int]:
        """How many cases had each outcome, outcomes in their usual order."""
        return count(self.cases)

    @property
    def executed(self) -> int:
        """The cases that exercised the backend: not the unsupported ones, nor those that do not apply."""
        return sum(case.outcome in EXECUTED for case in self.cases)

    @property
    def passed(self) -> int:
        """The cases that pass, those with a convention other than PyTorch's among them."""
        return sum(case.outcome in PASSED for case in self.cases)

    @property
    def applicable(self) -> int:
        """The cases planned, less those that this kind of backend cannot express."""
        return self.footer.planned - self.counts.get("n/a", 0)

    @property
    def red(self) -> tuple[Case, ...]:
        """The cases that make the run red."""
        return tuple(case for case in self.cases if case.outcome in RED)

    @property
    def green(self) -> bool:
        """Something was executed, all that was planned ran, nothing failed, and every expectation was met."""
        whole = len(self.cases) == self.footer.planned and not self.footer.invalid
        return whole and not (self.red or self.footer.unmet) and self.executed > 0

    def themes(self) -> dict[str, dict[str, int]]:
        """The counts of each theme: smoke first, then by name, for several processes record cases in any order."""
        names = sorted({case.theme for case in self.cases}, key=lambda name: (name != "smoke", name))
        return {name: count(case for case in self.cases if case.theme == name) for name in names}

    def lines(self) -> Iterator[dict[str, Any]]:
        """The file's lines, as JSON objects."""
        yield {"kind": "header", **asdict(self.header)}
        yield from ({"kind": "case", **asdict(case)} for case in self.cases)
        yield {"kind": "footer", **asdict(self.footer)}


class Recorder:
    """Writes a run as it goes, line by line, so that a run cut short is seen to be one."""

    def __init__(self, header: Header, path: Path | None = None) -> None:
        self.header, self.cases = header, list[Case]()
        self.file: IO[str] | None = None if path is None else opened(path)
        self.write({"kind": "header", **asdict(header)})

    def add(self, case: Case) -> None:
        self.cases.append(case)
        self.write({"kind": "case", **{name: getattr(case, name) for name in case.__slots__}})

    def finish(
        self, planned: int, *, unmet: tuple[str, ...] = (), invalid: str = "", duration: float = 0.0
    ) -> Run:  # fmt: skip
        """Write the footer, and hand the whole run back."""
        executed = sum(case.outcome in EXECUTED for case in self.cases)
        footer = Footer(planned, executed, count(self.cases), unmet, invalid, round(duration, 3))
        self.write({"kind": "footer", **asdict(footer)})
        self.close()
        return Run(self.header, tuple(self.cases), footer)

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
            self.file = None

    def write(self, line: dict[str, Any]) -> None:
        if self.file is not None:
            self.file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self.file.flush()


def read(path: Path) -> Run:
    """The run that ``path`` records.

    Errors: ``InvalidRun`` where the file is not a whole run: no header, no footer, fewer cases than planned, a case
    twice, sums that do not add up, or a run that was void from the start (a misadapted backend).
    """
    run = recorded(path)
    for wrong, reason in problems(run):
        if wrong:
            raise InvalidRun(f"{path}: {reason}")
    return run


def recorded(path: Path) -> Run:
    """What ``path`` holds, whatever it proves: ``problems`` says.

    Errors: ``InvalidRun`` where it is no record, or was cut short.
    """
    header, *cases, footer = parsed(path)
    return Run(record(Header, header, path), tuple(record(Case, c, path) for c in cases), record(Footer, footer, path))


def close(path: Path, spec: str, reason: str) -> None:
    """Make a record that was cut short, or never begun, one that says why."""
    try:
        header = record(Header, json_object(text_of(path).partition("\n")[0], path, 1), path)
    except InvalidRun:
        header = Header(spec, "", spec, started=datetime.now(UTC).isoformat(timespec="seconds"))
    Recorder(header, path).finish(0, invalid=reason)


def parsed(path: Path) -> list[dict[str, Any]]:
    lines = [
        json_object(text, path, number) for number, text in enumerate(text_of(path).splitlines(), 1) if text.strip()
    ]
    kinds = [line.get("kind") for line in lines]
    if kinds[:1] != ["header"]:
        raise InvalidRun(f"{path}: no header; this is not a results.jsonl")
    if kinds[-1] != "footer":
        raise InvalidRun(f"{path}: no footer; the run was cut short, so its counts prove nothing")
    if set(kinds[1:-1]) - {"case"}:
        raise InvalidRun(f"{path}: several runs, or lines that are no case, in one file")
    return lines


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRun(f"{path}: cannot be read ({error})") from error


def json_object(text: str, path: Path, number: int) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise InvalidRun(
            f"{path}, line {number}: not a JSON object; the run was cut short, or this is not a results.jsonl"
        )
    return found


def record(kind: Any, line: dict[str, Any], path: Path) -> Any:
    try:
        return kind(**{name: frozen(value) for name, value in line.items() if name != "kind"})
    except TypeError as error:
        raise InvalidRun(
            f"{path}: a {kind.__name__.lower()} that this version does not understand ({error})"
        ) from error


def frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def problems(run: Run) -> Iterator[tuple[bool, str]]:
    """Each thing that would make a run prove nothing: whether it is so, and what to say."""
    planned, ids = run.footer.planned, [case.id for case in run.cases]
    unknown = {case.outcome for case in run.cases} - set(OUTCOMES)
    yield run.header.schema != SCHEMA, f"written in format {run.header.schema}, this version reads {SCHEMA}"
    yield bool(run.footer.invalid), run.footer.invalid
    yield len(ids) != len(set(ids)), "a case is recorded twice"
    yield len(ids) < planned, f"{planned} cases were planned and {len(ids)} are recorded: the list shrank"
    yield len(ids) > planned, f"{planned} cases were planned and {len(ids)} are recorded"
    yield bool(unknown), f"unknown outcomes: {', '.join(sorted(unknown))}"
    yield run.counts != run.footer.counts, "the footer's counts are not those of the cases"
    yield run.executed != run.footer.executed, "the footer's executed count is not that of the cases"


def count(cases: Iterable[Case]) -> dict[str, int]:
    found = Counter(case.outcome for case in cases)
    return {outcome: found[outcome] for outcome in OUTCOMES if found[outcome]}


def opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w", encoding="utf-8")
