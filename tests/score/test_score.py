"""The score is true: it passes what is right, and finds what is wrong where it is wrong."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's database of ops needs it")

import refgrad
from tests.score import coverage
from tests.score.__main__ import main
from tests.score.questions import Finding
from tests.score.tally import Options, Score, findings_of, records, score, whole_names

WHOLE = """add mul sub exp log sin sqrt sigmoid pow maximum clamp sum amax cumsum prod index_select masked_fill where
 sort topk transpose permute stack matmul addmm softmax nn.functional.linear nn.functional.gelu nn.functional.mse_loss"""


@pytest.mark.parametrize("name", WHOLE.split())
def test_whole(name):
    """These names agree with PyTorch on all of its samples, in all questions."""
    for op in records([name]):
        found = score(op, Options(limit=6))
        assert found.samples > 0
        assert found.whole, f"{found.finding} on {found.sample}"


def first_question(name, function):
    (op,) = records([name])
    return next((finding.question for finding, _ in findings_of(op, function, Options()) if finding), None)


@pytest.mark.parametrize(
    ("wrong", "question"),
    [
        (lambda x: refgrad.exp(x), None),
        (lambda x: refgrad.exp(x) * (1 + 1e-6), "value"),
        (lambda x: refgrad.exp(x).float(), "value"),
        (lambda x: refgrad.exp(x)[..., :0], "value"),
        (lambda x: refgrad.exp(x.detach()), "value"),
        (lambda x: 2 * refgrad.exp(x) - refgrad.exp(x).detach(), "gradient"),
        (lambda x: refgrad.exp(x.detach()) * (1 + x - x.detach()), "second"),
        (lambda x: refgrad.nonesuch(x), "missing"),
    ],
)
def test_finds(wrong, question):
    """A wrong value, type, shape, gradient, second gradient or a missing name is found as what it is."""
    assert first_question("exp", wrong) == question


def test_errors():
    """A wrong input that is not refused, or in other words, is found."""
    (op,) = records(["index_select"])
    for lenient in (lambda *args, **kwargs: refgrad.zeros(1), lambda *args, **kwargs: refgrad.zeros(2).reshape(3)):
        findings = [finding for finding, _ in findings_of(op, lenient, Options(limit=0, errors=True))]
        assert findings
        assert all(finding.question == "errors" for finding in findings)


def test_names():
    """A name is whole only if all its variants are; an unknown one is refused."""
    scores = [score(op, Options(limit=2)) for op in records(["div"])]
    assert whole_names(scores) == {"div": all(each.whole for each in scores)}
    with pytest.raises(SystemExit, match="nonesuch"):
        records(["nonesuch"])


def test_at_least(capsys):
    """The command is content with as many whole names as it is told to be."""
    assert main(["add", "exp", "--limit", "1", "--at-least", "2"]) == 0
    assert main(["_softmax_backward_data", "--limit", "1", "--at-least", "1"]) == 1


def test_section(tmp_path):
    """The section counts, and gives each name that is not whole with its reason."""
    page = tmp_path / "coverage.md"
    page.write_text("# What\n\nText.\n")
    finding = Finding("gradient", "at [0]: 1 | 2")
    scores = [
        Score("exp", "exp", "pointwise", 3, 3),
        Score("norm", "norm.nuc", "linalg", 3, 2, finding),
        Score("norm", "norm", "linalg", 3, 3),
        Score("lu", "lu", "linalg", 0, 0, Finding("missing", "lu")),
        Score("_softmax", "_softmax", "nn", 0, 0, Finding("missing", "_softmax")),
        Score("masked.sum", "masked.sum", "masked", 0, 0, Finding("missing", "masked")),
    ]
    for _ in range(2):
        coverage.write(scores, page)
    assert page.read_text().count("## Ops") == 1
    assert page.read_text().startswith("# What\n\nText.\n")
    assert "| `norm` | 2 of 3 samples; gradient: at [0]: 1 \\| 2 |" in page.read_text()
    assert coverage.stated(page) == (4, 1, ["_softmax", "lu", "norm"], ["_softmax", "lu"])


def test_command(capsys):
    """The command prints the score by chapter, and says by its exit code whether all is whole."""
    assert main(["add", "exp", "--limit", "3", "--why", "--list-missing"]) == 0
    assert "2 of 2 names whole" in capsys.readouterr().out
