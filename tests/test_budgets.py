"""How long an adapter may be: what a library has to be told about, and no more."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted([*ROOT.glob("plugins/*/refgrad_*/*.py"), *ROOT.glob("refgrad/skeletons/*/refgrad_mylib/__init__.py")])

BUDGETS = {"tape": 120, "forward or higher": 60, "core": 20, "namespace": 10, "wire": 10}  # lines that are not blank
SIGNS = {  # a base, or names that are defined
    "tape": [{"TapeBackend"}, {"leaf", "backward", "grad_of"}],
    "forward or higher": [{"FunctionalBackend"}, {"jvp"}, {"nested"}],
    "core": [{"asarray", "to_numpy", "ops", "vjp"}],
    "namespace": [{"NamespaceBackend"}, {"namespace"}],
    "wire": [{"WireBackend"}],
}


def profile(source):
    """The most that the classes of a module are, as their bases and what they define say; None for no adapter."""
    classes = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    names = {name for each in classes for name in (*bases(each), *defined(each))}
    return next((profile for profile, signs in SIGNS.items() if any(sign <= names for sign in signs)), None)


def bases(node):
    return [base.id for base in node.bases if isinstance(base, ast.Name)]


def defined(node):
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            yield each.name
        elif isinstance(each, ast.Assign):
            yield from (target.id for target in each.targets if isinstance(target, ast.Name))


SOURCES = {f"{path.parts[-3]}/{path.stem}": path.read_text(encoding="utf-8") for path in MODULES}
PROFILES = {name: found for name, source in SOURCES.items() if (found := profile(source))}


@pytest.mark.parametrize("name", PROFILES)
def test_budget(name):
    """An adapter keeps to the lines that its profile is worth."""
    assert sum(1 for line in SOURCES[name].splitlines() if line.strip()) <= BUDGETS[PROFILES[name]]


def test_profiles():
    """The profiles are told apart by structure, and every plugin has an adapter."""
    expected = {
        "refgrad-torch/tape": "namespace", "refgrad-torch/transforms": "forward or higher",
        "refgrad-autograd/__init__": "forward or higher", "refgrad-mygrad/__init__": "tape",
        "refgrad-paddle/__init__": "tape",
        "refgrad-js-pytorch/__init__": "wire",
        "refgrad-micrograd/__init__": "core", "refgrad-jax/__init__": "forward or higher",
        "refgrad-mlx/__init__": "forward or higher", "refgrad-tinygrad/__init__": "forward or higher",
        "functional/__init__": "core", "namespace/__init__": "namespace",
        "tape/__init__": "tape", "wire/__init__": "wire",
    }  # fmt: skip
    assert PROFILES | expected == PROFILES
    assert {path.name for path in ROOT.glob("plugins/refgrad-*")} <= {name.partition("/")[0] for name in PROFILES}
