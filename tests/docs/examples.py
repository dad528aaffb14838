"""The examples in PyTorch's documentation, read from the docstrings of the installed wheel: none of its text is kept here."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CHAPTERS = """
    torch.autograd.function torch.autograd.functional torch.autograd.forward_ad torch.autograd.graph
    torch.autograd.anomaly_mode torch.autograd.grad_mode torch.autograd torch torch.Tensor torch.func torch.nn
    torch.nn.functional torch.nn.init torch.nn.utils torch.optim torch.optim.lr_scheduler torch.utils.checkpoint
    torch.linalg torch.special torch.fft
""".split()
PROMPT = re.compile(r"\s*(?:>>>|\.\.\.)(?: (.*))?$")


@dataclass(frozen=True, slots=True)
class Example:
    """One docstring's code; ``name`` is where it stands, ``chapter`` the module whose names it takes for granted."""

    name: str
    chapter: str
    source: str


@functools.cache
def examples() -> tuple[Example, ...]:
    """All examples; a text that stands in several places, once."""
    found: dict[str, Example] = {}
    for chapter in CHAPTERS:
        for name, doc in documented(chapter):
            source = source_of(doc)
            if source:
                found.setdefault(source, Example(name, chapter, source))
    return tuple(found.values())


def of_chapter(chapter: str) -> list[Example]:
    """The examples of a module's (or class's) public names."""
    return [each for each in examples() if each.chapter == chapter]


def documented(chapter: str) -> Iterator[tuple[str, str]]:
    """The public names of a chapter, and of its classes' methods, with their docstrings."""
    home, _, last = chapter.rpartition(".")
    holder = getattr(importlib.import_module(home), last) if last == "Tensor" else importlib.import_module(chapter)
    for name in sorted(n for n in dir(holder) if not n.startswith("_")):
        value = getattr(holder, name, None)
        if inspect.ismodule(value) or not (getattr(value, "__module__", None) or "torch").startswith("torch"):
            continue  # what the module imported from elsewhere
        yield f"{chapter}.{name}", doc_of(value)
        if inspect.isclass(value) and chapter != "torch":
            yield from ((f"{chapter}.{name}.{n}", doc_of(v)) for n, v in vars(value).items() if not n.startswith("_"))


def doc_of(value: Any) -> str:
    doc = getattr(value, "__doc__", None)
    return doc if isinstance(doc, str) else ""


def source_of(doc: str) -> str:
    """The code behind a docstring's prompts; nothing where it is no Python."""
    lines = [match[1] or "" for match in map(PROMPT.match, doc.splitlines()) if match]
    source = "\n".join(lines)
    try:
        ast.parse(source)
    except SyntaxError:
        return ""
    return source.strip("\n")
