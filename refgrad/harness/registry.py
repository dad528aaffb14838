"""Finds a backend by its spec: an installed name, ``module:attribute`` or ``./file.py:Name``, each with options.

refgrad                       an entry point of the group ``refgrad.backends``
torch:device=cuda:1           the same, with options: keyword arguments of the class or factory
mypackage.adapter:Backend     an attribute of an importable module: a class, a factory or an instance
./adapter.py:Backend          an attribute of a file
exec:node server.js           a process that speaks the wire protocol, of any language or any other environment
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from refgrad.errors import BackendUnavailable, InvalidBackend, RefgradError, UnknownBackend
from refgrad.harness import options
from refgrad.harness.backend import Backend, identity, profiles, validate

__all__ = ["BUILTIN", "GROUP", "PLUGINS", "Found", "installed", "load", "names"]

GROUP = "refgrad.backends"
EXEC = "exec:"
BUILTIN = {"refgrad": "refgrad.reference:Reference"}  # found even where nothing is installed
# this project's own distributions, each called refgrad-NAME
PLUGINS = ("autograd", "jax", "js-pytorch", "micrograd", "mlx", "mygrad", "paddle", "tinygrad", "torch")


@dataclass(frozen=True, slots=True)
class Found:
    """A backend that is installed, and what became of loading it."""

    name: str
    version: str
    homepage: str
    profiles: frozenset[str]
    origin: str
    options: tuple[str, ...] = ()
    error: str | None = None


def load(spec: str) -> Backend:
    """The backend that ``spec`` names, made and checked.

    Errors: ``UnknownBackend``, ``BackendUnavailable`` or ``InvalidBackend``, each in one line that says what to do.
    """
    if spec.startswith(EXEC):
        target, backend = spec, _started(spec)
    else:
        target, given = _split(spec)
        backend = _make(target, _attribute(target), given)
    validate(backend, target)
    return backend  # type: ignore[no-any-return]


def installed() -> list[Found]:
    """Every backend that is installed, by name; one that cannot be loaded is listed with the reason. Never raises."""
    return [_found(name) for name in names()]


def _started(spec: str) -> Any:
    from refgrad.harness.wire import WireBackend  # late: it imports the adapters

    return WireBackend(spec.removeprefix(EXEC))


def names() -> list[str]:
    """The installed backends, whether or not they can be loaded."""
    return sorted({*BUILTIN, *(entry.name for entry in entry_points(group=GROUP))})


def _found(name: str) -> Found:
    origin = ", ".join(sorted({_origin(entry) for entry in entry_points(group=GROUP, name=name)})) or "refgrad"
    try:
        backend = load(name)
    except RefgradError as error:
        return Found(name, "", "", frozenset(), origin, error=str(error).replace("\n", " "))
    who = identity(backend)
    return Found(name, who.version, who.homepage, profiles(backend), origin, options.told(_attribute(name)))


def _split(spec: str) -> tuple[str, dict[str, str]]:
    """``name:k=v`` or ``module:attribute:k=v`` as the target and its options; a value may hold colons."""
    drive, rest = (spec[:2], spec[2:]) if re.match(r"[A-Za-z]:[\\/]", spec) else ("", spec)
    head, colon, tail = rest.partition(":")
    if "=" not in tail.partition(":")[0]:
        attribute, colon, tail = tail.partition(":")
        head = f"{head}:{attribute}" if attribute else head
    return drive + head, options.parsed(spec, tail) if colon else {}


def _attribute(target: str) -> Any:
    """The object that the target names, before it is called."""
    if ":" not in target.lstrip(":") or re.fullmatch(r"[A-Za-z]:[\\/][^:]*", target):
        return _by_name(target)
    where, _, path = target.rpartition(":")
    is_file = where.endswith(".py") or "/" in where or "\\" in where
    if not is_file and where in names() and not _has_adapter(where, path):  # torch:cuda is no adapter of torch's
        raise InvalidBackend(f"{target}: options are written {where}:key=value")
    module = _file(where) if is_file else _module(where, where)
    return _descend(module, path, target)


def _has_adapter(module: str, path: str) -> bool:
    """Whether a module that goes by the name of a backend has an adapter at ``path``."""
    try:
        return bool(profiles(_descend(_module(module, module), path, module)))
    except RefgradError:
        return False


def _by_name(name: str) -> Any:
    entries = {entry.value: entry for entry in entry_points(group=GROUP, name=name)}  # a checkout can be listed twice
    if len(entries) > 1:
        offers = ", ".join(f"{value} ({_origin(entry)})" for value, entry in sorted(entries.items()))
        raise InvalidBackend(f"{name}: several distributions offer this backend; name one of {offers}")
    if not entries and name not in BUILTIN:
        raise UnknownBackend(_unknown(name))
    value, entry = next(iter(entries.items()), (BUILTIN.get(name, ""), None))
    module, _, path = value.partition(":")
    return _descend(_module(module, name, entry), path, name)


def _unknown(name: str) -> str:
    if name.endswith(".py") or "/" in name:
        return f"{name}: which backend of the file? write {name}:Name"
    if name in PLUGINS:
        how = f"pip install refgrad-{name} (in a checkout: pip install ./plugins/refgrad-{name})"
        return f"{name}: its plugin is not installed; mend it with: {how}"
    known = names()
    close = get_close_matches(name, [*known, *PLUGINS], n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"no backend {name!r}; {hint}installed: {', '.join(known)}; or write module:attribute or ./file.py:Name"


def _module(name: str, asked: str, entry: EntryPoint | None = None) -> ModuleType:
    if entry is None and name not in sys.modules:
        _importable(Path.cwd())  # a module beside the caller, as for `python -m`
    found: ModuleType = _guarded(lambda: importlib.import_module(name), asked, name, entry)
    return found


def _file(where: str) -> ModuleType:
    path = Path(where).resolve()
    if not path.is_file():
        raise UnknownBackend(f"{where}: no such file (looked in {path.parent})")
    name = f"refgrad_backend_{path.stem}_{abs(hash(str(path))):x}"
    if name in sys.modules:
        return sys.modules[name]
    _importable(path.parent)
    found: ModuleType = _guarded(lambda: _execute(name, path), where, name, None)
    return found


def _execute(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UnknownBackend(f"{path}: not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: it shadows nothing


def _guarded(load: Callable[[], Any], asked: str, module: str, entry: EntryPoint | None) -> Any:
    """Run a stranger's code: whatever it raises becomes one line."""
    try:
        return load()
    except RefgradError:
        raise
    except ModuleNotFoundError as error:
        raise _missing(error, asked, module, entry) from error
    except (Exception, SystemExit) as error:  # a stranger's code may fail in any way: one line, not a traceback
        raise BackendUnavailable(f"{asked}: {_where(error)}", install=_reinstall(entry)) from error


def _missing(error: ModuleNotFoundError, asked: str, module: str, entry: EntryPoint | None) -> RefgradError:
    lost = error.name or ""
    if module == lost or module.startswith(f"{lost}."):
        if entry is None:
            return UnknownBackend(f"{asked}: no module {lost!r} can be imported from here")
        return BackendUnavailable(f"{asked}: its module {lost!r} is gone", install=_reinstall(entry))
    return BackendUnavailable(
        f"{asked}: no module {lost!r} is installed", install=f"pip install {_requirement(lost, entry)}"
    )


def _requirement(module: str, entry: EntryPoint | None) -> str:
    """What to install for a missing module: what its adapter requires, where that has the module's name."""
    top = module.partition(".")[0]
    for requirement in (entry.dist.requires or []) if entry and entry.dist else []:
        text = requirement.partition(";")[0].strip()
        if _normal(re.split(r"[\s\[<>=!~(]", text)[0]) == _normal(top):
            return text if re.fullmatch(r"[\w.\-]+", text) else f"'{text}'"
    return top


def _reinstall(entry: EntryPoint | None) -> str | None:
    return f"pip install --force-reinstall {entry.dist.name}" if entry and entry.dist else None


def _where(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    if isinstance(error, SyntaxError):
        place = f" ({Path(error.filename or '?').name}, line {error.lineno})"
        return f"SyntaxError: {error.msg}{place}"
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def _descend(module: Any, path: str, asked: str) -> Any:
    found = module
    for part in path.split("."):
        if not hasattr(found, part):
            names = sorted(name for name in vars(module) if not name.startswith("_"))
            close = get_close_matches(part, names, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(names) or 'nothing'}"
            raise UnknownBackend(f"{asked}: no attribute {part!r}{hint}")
        found = getattr(found, part)
    return found


def _make(asked: str, attribute: Any, given: dict[str, str]) -> Any:
    """Call a class or a factory with its options; an instance is taken as it is."""
    if not isinstance(attribute, type) and profiles(attribute):
        if given:
            raise InvalidBackend(f"{asked}: is a backend already made, and takes no options")
        return attribute
    if not callable(attribute):
        raise InvalidBackend(
            f"{asked}: neither a class, nor a factory, nor a backend, but a {type(attribute).__name__}"
        )
    arguments = options.arguments(asked, attribute, given)
    return _guarded(lambda: attribute(**arguments), asked, asked, _entry(asked))


def _entry(name: str) -> EntryPoint | None:
    return next(iter(entry_points(group=GROUP, name=name)), None)


def _origin(entry: EntryPoint) -> str:
    dist: Distribution | None = entry.dist
    return f"{dist.name} {dist.version}" if dist else "unknown"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
