"""The public namespaces: PyTorch's names at PyTorch's paths, loaded when first used."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

import pytest

import refgrad


def modules(package: str = "refgrad") -> list[str]:
    """Every module of the package by name, but for the command."""
    root = importlib.import_module(package)
    found = pkgutil.walk_packages(root.__path__, package + ".")
    return [package, *(m.name for m in found if not m.name.endswith("__main__"))]


ROOMS = ("refgrad.commands", "refgrad.engine", "refgrad.harness", "refgrad.reference", "refgrad.errors")


def public() -> list[str]:
    """The modules that a program imports by name: those that their package offers."""
    named = [m for m in modules() if m.count(".") and not m.startswith(ROOMS)]
    parents = {m: importlib.import_module(m.rpartition(".")[0]) for m in named}
    return [m for m in named if m.count(".") == 1 or inspect.ismodule(_offered(parents[m], m.rpartition(".")[2]))]


def _offered(package: Any, name: str) -> Any:
    return getattr(package, name) if name in getattr(package, "__all__", ()) else None


@pytest.mark.parametrize("name", modules())
def test_all_names_exist(name: str) -> None:
    """Every name in ``__all__`` is there, once."""
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    assert [n for n in names if not hasattr(module, n)] == []
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", public())
def test_public_modules_are_pytorch_s(name: str) -> None:
    """What a public module offers, PyTorch has at the same path, but for refgrad's own extras."""
    pytest.importorskip("torch")
    theirs = importlib.import_module(name.replace("refgrad", "torch", 1))
    mine = importlib.import_module(name)
    assert [n for n in getattr(mine, "__all__", []) if not hasattr(theirs, n) and n not in EXTRAS] == []


EXTRAS = {"warn_inplace"}  # refgrad's own


def test_top_level_names_are_pytorch_s() -> None:
    """``refgrad`` shows PyTorch's top-level names and its own version, and nothing else in public."""
    torch = pytest.importorskip("torch")
    own = {"annotations", "importlib", "TYPE_CHECKING", "Any"}
    extra = [n for n in dir(refgrad) if not n.startswith("_") and n not in own and not hasattr(torch, n)]
    assert [n for n in extra if not inspect.ismodule(getattr(refgrad, n))] == []


@pytest.mark.parametrize("name", ["no_such_name", "_private", "Tensr", "__nothing__"])
def test_a_name_that_is_not_there(name: str) -> None:
    """An unknown name is an AttributeError that names it, so that ``hasattr`` and ``from refgrad import`` work."""
    with pytest.raises(AttributeError, match=f"module 'refgrad' has no attribute '{name}'"):
        getattr(refgrad, name)
    assert not hasattr(refgrad, name)
    with pytest.raises(ImportError):
        exec(f"from refgrad import {name}")


def test_names_are_the_same_object_each_time() -> None:
    """A name that was loaded once is kept."""
    assert refgrad.Tensor is refgrad.Tensor
    assert refgrad.add is importlib.import_module("refgrad.engine.ops").add
    assert "Tensor" in dir(refgrad)


@pytest.mark.parametrize(
    ("alias", "name"),
    [
        ("absolute", "abs"),
        ("clip", "clamp"),
        ("multiply", "mul"),
        ("subtract", "sub"),
        ("concat", "cat"),
        ("arcsin", "asin"),
    ],
)
def test_aliases(alias: str, name: str) -> None:
    """An alias is the same function, as a function and as a method."""
    assert getattr(refgrad, alias) is getattr(refgrad, name)
    x = refgrad.tensor([0.25, 0.5])
    if hasattr(x, name):
        arguments: dict[str, Any] = {"clamp": (0, 1), "mul": (2,), "sub": (2,)}
        call = arguments.get(name, ())
        assert getattr(x, alias)(*call).tolist() == getattr(x, name)(*call).tolist()


def test_functions_that_write() -> None:
    """Each of PyTorch's functions that write into their tensor, and that are a method of refgrad's, is there as a function."""
    torch = pytest.importorskip("torch")
    names = [n for n in dir(torch) if n.endswith("_") and n[0] != "_" and hasattr(refgrad.Tensor, n)]
    assert [n for n in names if not hasattr(refgrad, n)] == []
    x = refgrad.tensor([4.0])
    assert refgrad.sqrt_(x) is x
    assert refgrad.clamp_(x, max=1).tolist() == [1.0]
    assert refgrad.zero_(x).tolist() == [0.0]


@pytest.mark.parametrize("statement", [
    "from refgrad.autograd import Function, grad", "import refgrad.nn.functional as F", "from refgrad import nn, optim, autograd",
    "from refgrad.autograd.graph import increment_version", "from refgrad import Tensor, tensor, no_grad", "import refgrad.utils.checkpoint",
    "from refgrad.optim.lr_scheduler import StepLR", "from refgrad.func import vjp", "import refgrad as torch; torch.nn.Linear",
    "import refgrad; refgrad.func.grad; refgrad.autograd.functional.jacobian",
])  # fmt: skip
def test_pytorch_s_import_paths(statement: str) -> None:
    """The ways in which programs import PyTorch work with refgrad's name."""
    scope: dict[str, Any] = {}
    exec(statement, scope)
    assert len(scope) > 1


def test_types_are_pytorch_s() -> None:
    """Each data type that NumPy can hold is there by each of PyTorch's names."""
    torch = pytest.importorskip("torch")
    names = [n for n in dir(torch) if isinstance(getattr(torch, n), torch.dtype) and hasattr(refgrad, n)]
    assert {
        "float",
        "double",
        "half",
        "long",
        "int",
        "short",
        "bool",
        "cfloat",
        "float32",
        "int8",
        "complex128",
    } <= set(names)
    assert [n for n in names if repr(getattr(refgrad, n)) != repr(getattr(torch, n))] == []


def test_the_tensor_has_pytorch_s_methods_only() -> None:
    """Public methods and attributes of a tensor are PyTorch's, so that a program cannot lean on refgrad's own."""
    torch = pytest.importorskip("torch")
    assert [n for n in dir(refgrad.Tensor) if not n.startswith("_") and not hasattr(torch.Tensor, n)] == []


@pytest.mark.parametrize("chapter", ["", "nn.functional", "nn.utils", "autograd", "autograd.functional", "func"])
def test_parameters_have_pytorch_s_names(chapter: str) -> None:
    """Functions whose signature PyTorch shows take the same parameters, by the same names and in the same order."""
    torch = pytest.importorskip("torch")
    mine, theirs = (importlib.import_module(f"{root}.{chapter}".rstrip(".")) for root in ("refgrad", "torch"))
    wrong = []
    for name in (n for n in dir(mine) if not n.startswith("_")):
        a, b = getattr(mine, name), getattr(theirs, name, None)
        if inspect.isfunction(a) and inspect.isfunction(b):
            shown, expected = (list(inspect.signature(f).parameters.values()) for f in (a, b))
            kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
            positional = [p.name for p in expected if p.kind in kinds and not p.name.startswith("_")]
            here = [p.name for p in shown if p.kind in kinds]
            if here != positional[: len(here)] and inspect.Parameter.VAR_POSITIONAL not in {p.kind for p in expected}:
                wrong.append(f"{name}{tuple(here)} instead of {tuple(positional)}")
    assert torch is not None
    assert wrong == []
