"""What PyTorch's tutorials and examples call is on refgrad, and whole."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's database of ops needs it")

import refgrad
from tests.score import coverage
from tests.score.tally import records
from tests.score.translation import Missing, resolve

TEXT = Path(__file__).with_name("popular.txt").read_text(encoding="utf-8")
LINES = [line.split(maxsplit=2) for line in TEXT.splitlines() if line and not line.startswith("#")]
ABSENT = {name for name, _, *reason in LINES if reason}
POPULAR = {name for name, *_ in LINES}


def there(name):
    """Whether refgrad has a function of this name, or its tensors a method."""
    for root in (refgrad, refgrad.Tensor):
        try:
            resolve(root, name)
        except Missing:
            continue
        return True
    return False


def test_there():
    """Every popular name is there but those whose line says why not, and each of these is not."""
    assert {name for name in POPULAR if not there(name)} == ABSENT


def test_whole():
    """Every popular name that PyTorch's database differentiates is whole by the page on coverage."""
    _, _, others, _ = coverage.stated()
    differentiable = POPULAR & {op.name for op in records()}
    assert len(differentiable) > 130
    assert sorted(differentiable & set(others)) == []
