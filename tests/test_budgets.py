"""How long an adapter may be: what a library has to be told about, and no more."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ADAPTERS = sorted(ROOT.glob("plugins/*/refgrad_*/__init__.py"))
SKELETONS = sorted(ROOT.glob("refgrad/skeletons/*/refgrad_mylib/__init__.py"))

BUDGETS = {"tape": 120, "forward or higher": 60, "core": 20, "namespace": 10, "wire": 10}  # lines that are not blank
SIGNS = {  # a base, or names that are defined
    "tape": [{"TapeBackend"}, {"leaf", "backward", "grad_of"}],
    "forward or higher": [{"FunctionalBackend"}, {"jvp"}, {"nested"}],
    "core": [{"asarray", "to_numpy", "ops", "vjp"}],
    "namespace": [{"NamespaceBackend"}, {"namespace"}],
    "wire": [{"WireBackend"}],
}


def profile(source):
    """The most that the classes of a module are: their bases and what they define say so."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    names = {name for each in classes for name in (*bases(each), *defined(each))}
    return next(profile for profile, signs in SIGNS.items() if any(sign <= names for sign in signs))


def bases(node):
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def defined(node):
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            yield each.name
        elif isinstance(each, ast.Assign):
            yield from (target.id for target in each.targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("path", [*ADAPTERS, *SKELETONS], ids=lambda path: "/".join(path.parts[-3:-1]))
def test_budget(path):
    """An adapter keeps to the lines that its profile is worth."""
    source = path.read_text(encoding="utf-8")
    lines = sum(1 for line in source.splitlines() if line.strip())
    assert lines <= BUDGETS[profile(source)]


def test_profiles():
    """The profiles are told apart by structure."""
    found = {path.parts[-3]: profile(path.read_text(encoding="utf-8")) for path in (*ADAPTERS, *SKELETONS)}
    expected = {
        "refgrad-torch": "namespace", "refgrad-autograd": "forward or higher", "refgrad-mygrad": "tape",
        "functional": "core", "namespace": "namespace", "tape": "tape", "wire": "wire",
    }  # fmt: skip
    assert found | expected == found
