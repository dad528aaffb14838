"""One program on two backends, side by side."""

from io import StringIO

import pytest

from refgrad.harness import registry
from refgrad.harness.diff.traces import SAME, compared, table
from refgrad.harness.program import Program
from refgrad.harness.program.ir import Backward, Block, Leaf, Op, Ref

rich = pytest.importorskip("rich.console")
CANDIDATES = "tests/harness/campaign/candidates.py"
PROGRAM = Program(
    (
        Leaf("x", (), (0.0,), requires_grad=True),
        Block("no_grad", (Op("y", "exp", (Ref("x"),)),)),
        Op("z", "cos", (Ref("x"),)),
        Backward("z"),
        Backward("z"),
    )
)


@pytest.fixture(scope="module")
def right():
    return registry.load("refgrad")


@pytest.fixture(scope="module")
def wrong(request):
    return registry.load(f"{request.config.rootpath / CANDIDATES}:Wrong")


def test_no_difference(right):
    """A backend and itself agree, statement by statement."""
    pair = compared(PROGRAM, right, right)
    assert pair.difference is None
    assert all(row.told[0] == row.told[1] for row in pair.rows())


def test_the_first_difference(right, wrong):
    """The statement at which two backends part is the first that shows another value."""
    pair = compared(PROGRAM, right, wrong)
    assert (pair.difference.number, pair.difference.name, pair.difference.field) == (3, "z", "value")
    parted = [row.number for row in pair.rows() if row.told[0] != row.told[1]]
    assert parted[0] == 3


def test_statements_in_torch_s_words(right):
    """Each row has its statement, and what was news: a value, a gradient, an error."""
    rows = list(compared(PROGRAM, right, right).rows())
    assert [row.statement for row in rows[1:4]] == ["with torch.no_grad():", "y = torch.exp(x)", "z = torch.cos(x)"]
    assert rows[0].told[0] == "x: 0. float64, requires_grad, is_leaf"
    assert "grad -0." in rows[4].told[0]
    assert rows[-1].statement == "the end"


def test_the_table(right, wrong):
    """The difference is marked, and what both show is written once."""
    console = rich.Console(file=StringIO(), width=160)
    console.print(table(compared(PROGRAM, right, wrong), ("right 1", "wrong 1")))
    lines = console.file.getvalue().splitlines()
    marked = [line for line in lines if "≠" in line]
    assert len(marked) == 1
    assert "z = torch.cos(x)" in marked[0]
    assert "z: 1. float64" in marked[0]
    assert "z: -1. float64" in marked[0]
    assert any(SAME in line for line in lines)
