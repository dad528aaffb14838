"""In a chapter of ops, ``np.`` is for forwards and ``ops.`` for derivatives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from refgrad.engine import ops

CHAPTERS = sorted(
    path for path in Path(ops.__file__).parent.glob("*.py") if path.name not in ("__init__.py", "creation.py")
)


def used(node: ast.AST) -> set[str]:
    """The modules that a piece of code reaches into."""
    reached = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    return {
        n.value.id for n in reached if isinstance(n.value, ast.Name) and n.attr not in ("s_", "finfo")
    }  # which compute nothing


def called(node: ast.AST) -> str:
    target = node.func if isinstance(node, ast.Call) else node
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def rules(tree: ast.Module) -> Iterator[ast.AST]:
    """What ``defvjp`` and ``defjvp`` are given, and the functions named as rules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) in ("defvjp", "defjvp"):
            yield from (*node.args, *(k.value for k in node.keywords))
        elif isinstance(node, ast.FunctionDef) and node.name.endswith(("_vjp", "_jvp")):
            yield node


def forwards(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        if isinstance(node, ast.FunctionDef) and {"primitive", "view_primitive"} & set(map(called, decorators)):
            yield node


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_rules_are_written_in_ops(path: Path) -> None:
    """A rule computes with ops only, so that it can be recorded."""
    assert [node.lineno for node in rules(ast.parse(path.read_text())) if "np" in used(node)] == []


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_forwards_are_written_in_numpy(path: Path) -> None:
    """A forward computes with arrays only."""
    assert [node.name for node in forwards(ast.parse(path.read_text())) if "ops" in used(node)] == []
