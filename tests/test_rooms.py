"""The rooms: who may import whom, what an import loads, and where ``np.`` and ``ops.`` belong."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [path for path in sorted((ROOT / "refgrad").rglob("*.py")) if "skeletons" not in path.parts]
OPS = sorted((ROOT / "refgrad" / "engine" / "ops").glob("*.py"))
HEAVY = ("torch", "pytest", "scipy", "hypothesis", "ml_dtypes", "rich", "packaging")


def loaded(program: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after ``program``."""
    text = f"{program}\nimport sys, json\nprint(json.dumps(sorted({{m.split('.')[0] for m in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


# imports --------------------------------------------------------------------------------------------------------------


def test_the_contracts_hold() -> None:
    """import-linter finds every contract of ``pyproject.toml`` kept."""
    pytest.importorskip("importlinter")
    text = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert f"{len(contracts)} kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("program", "forbidden"),
    [
        ("import refgrad", HEAVY),
        ("import refgrad; refgrad.Tensor", ("torch", "pytest", "scipy", "hypothesis")),
        (
            "import refgrad as t; x = t.ones(2, 3, requires_grad=True); (x @ x.t()).exp().sum().backward()",
            ("torch", "pytest", "scipy"),
        ),
        (
            "import refgrad, refgrad.nn, refgrad.optim, refgrad.autograd, refgrad.func, refgrad.utils",
            ("torch", "pytest", "scipy"),
        ),
        ("import refgrad.__main__", ("torch", "scipy", "hypothesis")),
        ("import refgrad.harness", ("torch", "scipy", "hypothesis")),
    ],
)
def test_what_an_import_loads(program: str, forbidden: tuple[str, ...]) -> None:
    """Importing and using refgrad loads NumPy and no other library."""
    assert loaded(program) & set(forbidden) == set()


def test_an_import_alone_starts_no_engine() -> None:
    """``import refgrad`` is lazy: the engine comes with the first name."""
    program = "import refgrad, sys; lazy = 'refgrad.engine' not in sys.modules; refgrad.Tensor; assert lazy and 'refgrad.engine' in sys.modules"
    assert "refgrad" in loaded(program)


def imports(tree: ast.AST) -> Iterator[tuple[str, bool]]:
    """The modules that a file imports, and whether it does so at its top level."""
    top = {id(node) for node in getattr(tree, "body", ())}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_third_parties(path: Path) -> None:
    """refgrad imports NumPy at the top of a file, other libraries where they are used, and PyTorch nowhere."""
    allowed_on_top = {"numpy", "refgrad", *sys.stdlib_module_names}
    found = list(imports(ast.parse(path.read_text())))
    assert "torch" not in {name.split(".")[0] for name, _ in found}
    assert {name.split(".")[0] for name, top in found if top} <= allowed_on_top


# np. means forward, ops. means derivative -----------------------------------------------------------------------------


def used(node: ast.AST) -> set[str]:
    """The names before a dot in ``node``."""
    return {n.value.id for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}


def computed(node: ast.AST) -> set[str]:
    """As ``used``, without what computes nothing: ``np.s_`` builds slices, and types and their limits are constants."""
    harmless = {
        "s_",
        "ndarray",
        "generic",
        "float32",
        "float64",
        "float16",
        "integer",
        "floating",
        "bool_",
        "intp",
        "pi",
        "newaxis",
        "finfo",
    }
    return {
        n.value.id
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.attr not in harmless
    }


def is_primitive(function: ast.FunctionDef) -> bool:
    """Whether ``@primitive`` or ``@view_primitive`` is on a function."""
    calls = (d.func if isinstance(d, ast.Call) else d for d in function.decorator_list)
    return any(getattr(call, "id", "").endswith("primitive") for call in calls)


def rules(tree: ast.Module) -> Iterator[ast.AST]:
    """What is given to ``defvjp`` and ``defjvp``: lambdas, and the functions that are named."""
    functions = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("defvjp", "defjvp"):
            for given in (*node.args, *(k.value for k in node.keywords)):
                for part in ast.walk(given):
                    if isinstance(part, ast.Lambda):
                        yield part
                    elif isinstance(part, ast.Name) and part.id in functions and not is_primitive(functions[part.id]):
                        yield functions[part.id]


def place(path: Path, node: ast.AST) -> str:
    return f"{path.name}:{getattr(node, 'name', None) or node.lineno}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", OPS, ids=lambda p: p.name)
def test_forwards_call_numpy(path: Path) -> None:
    """The forward of a primitive computes in NumPy and never in ``ops.``."""
    forwards = [f for f in ast.parse(path.read_text()).body if isinstance(f, ast.FunctionDef) and is_primitive(f)]
    assert [place(path, f) for f in forwards if "ops" in used(f)] == []


@pytest.mark.parametrize("path", OPS, ids=lambda p: p.name)
def test_rules_call_ops(path: Path) -> None:
    """A derivative rule computes in ``ops.`` and never in NumPy, so that it serves both orders."""
    wrong = {place(path, rule) for rule in rules(ast.parse(path.read_text())) if "np" in computed(rule)}
    assert sorted(wrong) == []


def test_the_rules_are_found() -> None:
    """The search for rules finds them: no chapter that defines primitives passes for want of any."""
    found = {path.name: sum(1 for _ in rules(ast.parse(path.read_text()))) for path in OPS}
    assert found["trigonometry.py"] > 10
    assert sum(found.values()) > 150
