"""The catalogue of ops: records with samples and wrong inputs, a chapter a file, as in PyTorch's manual."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from refgrad.errors import RefgradError
from refgrad.harness.opinfo import OpInfo

__all__ = ["chapter_of", "chapters", "find", "ops"]


@cache
def chapters() -> dict[str, tuple[OpInfo, ...]]:
    """The records of each chapter, by the name of its file."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name != "samples")
    written = {name: importlib.import_module(f"{__name__}.{name}").OPS for name in names}
    return {name: tuple(part for op in records for part in parts(op)) for name, records in written.items()}


def parts(op: OpInfo) -> Iterator[OpInfo]:
    """A record without its complex samples, and one of these: many a library has no complex numbers."""
    complex = tuple(each for each in op.samples if each.complex)
    rest = tuple(each for each in op.samples if not each.complex)
    if not (rest and complex):
        yield op
    else:
        yield replace(op, samples=rest)
        yield replace(op, samples=complex, errors=(), variant=f"{op.variant}-complex".lstrip("-"))


def ops() -> tuple[OpInfo, ...]:
    """Every record."""
    return tuple(op for records in chapters().values() for op in records)


def chapter_of(id: str) -> str:
    """The chapter that the record with this id is in."""
    return places()[id]


@cache
def places() -> dict[str, str]:
    return {op.id: name for name, records in chapters().items() for op in records}


def find(names: list[str]) -> tuple[OpInfo, ...]:
    """The records, all variants, of ops called so.

    Errors: ``RefgradError`` for a name that no record has, with the names nearest to it.
    """
    from difflib import get_close_matches

    known = {op.name for op in ops()}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 3)
            raise RefgradError(f"no op is called {name!r}" + f"; do you mean {', '.join(near)}?" * bool(near))
    return tuple(op for op in ops() if op.name in names)
