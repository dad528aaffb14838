"""Copies of refgrad with one fault each, under another name, as backends."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import refgrad
from refgrad.harness.adapters import NamespaceBackend

SOURCE = Path(refgrad.__file__).parent


@dataclass(frozen=True)
class Fault:
    """What is changed, in which file, and what one then says of the copy."""

    says: str
    file: str
    right: str
    wrong: str


FAULTS = {
    "term": Fault(
        "the second derivative of tanh lacks a term",
        "engine/ops/trigonometry.py",
        "lambda grad, result: grad * (1 - result * result))\ntanh",
        "lambda grad, result: grad * (1 - result * getattr(result, 'detach', lambda: result)()))\ntanh",
    ),
    "version": Fault(
        "a write is not counted",
        "engine/inplace.py",
        "tensor._counter[0] += 1",
        "tensor._counter[0] += 0",
    ),
    "broadcast": Fault(
        "the broadcast of a dim of size 1 is not undone by a sum",
        "engine/fitting.py",
        "grad = _add_up(grad, dim, keepdims=True)",
        "grad = grad.take([0], dim)",
    ),
    "stale": Fault(
        "a tensor that was saved and then written to is used as it is now",
        "engine/saving.py",
        "        raise version_error(held, expected, node)",
        "        pass",
    ),
    "hook": Fault(
        "a tensor's hook runs twice",
        "engine/autograd.py",
        "grads[nr] = replaced(hook, grads[nr])",
        "grads[nr] = replaced(hook, replaced(hook, grads[nr]))",
    ),
    "accumulation": Fault(
        "a second gradient takes the place of the first",
        "engine/accumulation.py",
        "        array += grad\n",
        "        array[...] = grad\n",
    ),
    "tie": Fault(
        "at a tie each of the largest gets the whole gradient",
        "engine/ops/extremum.py",
        "(grad / ops.sum(mask, dim, True)) * mask",
        "grad * mask",
    ),
    "order": Fault(
        "the gradient of a running sum runs the wrong way",
        "engine/ops/cumulative.py",
        "else _reversed(ops.cumsum, grad, dim))\ncumsum.defjvp",
        "else ops.cumsum(grad, dim))\ncumsum.defjvp",
    ),
    "inverse": Fault(
        "the gradient of a permutation is permuted, not permuted back",
        "engine/ops/permutation.py",
        "permute.defvjp(lambda grad, dims: ops.permute(grad, _inverse(dims)))",
        "permute.defvjp(lambda grad, dims: ops.permute(grad, dims))",
    ),
    "branch": Fault(
        "where sends the gradient of its second choice to the first, too",
        "engine/ops/mixing.py",
        "input=lambda grad, condition: ops.where(condition, grad, 0.0),",
        "input=lambda grad, condition: grad,",
    ),
    "detach": Fault(
        "a detached tensor counts its writes alone",
        "engine/tensor.py",
        "            share(tensor, self)\n        return tensor",
        "            pass\n        return tensor",
    ),
}


def faulty(name: str, folder: Path) -> NamespaceBackend:
    """The copy of refgrad with the fault of this name."""
    package = f"faulty_{name}"
    if package not in sys.modules:
        copy(FAULTS[name], folder / package, package)
        sys.path.insert(0, str(folder))
        try:
            importlib.import_module(package)
        finally:
            sys.path.remove(str(folder))
    backend = NamespaceBackend(sys.modules[package])
    backend.version = "1"
    return backend


def copy(fault: Fault, target: Path, package: str) -> None:
    """Write refgrad under another name, one text in one file changed."""
    shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns("__pycache__", "harness", "conformance", "commands"))
    for file in target.rglob("*.py"):
        text = file.read_text()
        if str(file.relative_to(target)) == fault.file:
            assert text.count(fault.right) == 1, f"{fault.file} no longer has {fault.right!r} once"
            text = text.replace(fault.right, fault.wrong)
        file.write_text(re.sub(r"\brefgrad\b", package, text))
