"""What a run needs to know before its first test: who is tested, what is declared, how a case is run again."""

import inspect
import os
import platform
import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from refgrad.errors import InvalidExpectations
from refgrad.harness.backend import profiles
from refgrad.harness.behaviours import NEWEST, known_release
from refgrad.harness.expectations import Expectation, Expectations, load_expectations
from refgrad.harness.results import Header

__all__ = ["declared", "header", "idle", "release", "reproduce", "shipped_with"]

SHIPPED = "expectations.toml"


def header(backend: Any, spec: str, *, torch: str, selection: tuple[str, ...], reproduce: tuple[str, ...]) -> Header:
    """The run's header."""
    return Header(
        backend=backend.name,
        version=backend.version,
        spec=spec,
        torch=torch,
        profiles=tuple(sorted(profiles(backend))),
        homepage=backend.homepage,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        python=platform.python_version(),
        platform=f"{sys.platform} {platform.machine()}",
        selection=selection,
        reproduce=reproduce,
        refgrad=own_version(),
    )


def own_version() -> str:
    try:
        return version("refgrad")
    except PackageNotFoundError:  # a checkout that is merely on the path
        return ""


def release(backend: Any, asked: str | None) -> str:
    """The release of torch whose behaviour is asked for: ``asked``, or torch's own if it is under test, or the newest known.

    Errors: ``UnknownRelease``.
    """
    if asked is not None:
        return known_release(asked)
    module = getattr(backend, "namespace", None) or getattr(backend, "words", None)
    own = backend.name == "torch" or getattr(module, "__name__", "") == "torch"
    return str(backend.version) if own else NEWEST


def reproduce(suite: Path, cwd: Path, spec: str, asked: str | None = None) -> tuple[str, ...]:
    """The words that run the case ``{id}`` again: pytest in a checkout, ``refgrad check`` in a wheel."""
    chosen = () if asked is None else (f"--spec={asked}",)
    if (suite.parent / "__init__.py").exists():
        return ("refgrad", "check", spec, "{id}", *chosen)
    return ("pytest", f"{Path(os.path.relpath(suite, cwd)).as_posix()}/{{id}}", f"--backend={spec}", *chosen)


def declared(backend: Any, spec: str, path: Path | None) -> Expectations:
    """The gaps declared in ``path``, by default in the file beside the adapter's own: ``expectations.toml``, or what it names.

    Errors: ``InvalidExpectations`` for a given ``path`` that is not there, or a file that is malformed.
    """
    if path is not None and not path.is_file():
        raise InvalidExpectations(f"{path}: no such file")
    found = path or shipped_with(backend, spec)
    return Expectations() if found is None else load_expectations(found, backend.version)


def shipped_with(backend: Any, spec: str) -> Path | None:
    """The declared gaps that come with a backend: in its file's folder, or where the process that it lives in says."""
    file = re.match(r".+\.py(?=:)", spec)
    source = file[0] if file else inspect.getsourcefile(type(backend))
    beside = None if source is None else Path(source).parent / getattr(backend, "expectations", SHIPPED)
    return beside if beside is not None and beside.is_file() else None


def idle(expectations: Expectations, ids: Iterable[str], args: Iterable[str], suite: Path) -> tuple[Expectation, ...]:
    """The entries that match nothing, as far as a run of ``args`` can tell: of the files that it collected whole."""
    ids, args = list(ids), [str(arg) for arg in args]
    if any("::" in arg for arg in args):
        return ()
    whole = any(Path(arg).resolve() == suite for arg in args)
    files = None if whole else {id.split("::")[0] for id in ids}
    return tuple(expectations.matching_nothing(ids, files))
