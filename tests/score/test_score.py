"""The score is true: it passes what is right, and finds what is wrong where it is wrong."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's database of ops needs it")

import refgrad
from tests.score.__main__ import main
from tests.score.tally import Options, findings_of, records, score, whole_names

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


def test_command(capsys):
    """The command prints the score by chapter, and says by its exit code whether all is whole."""
    assert main(["add", "exp", "--limit", "3", "--why", "--list-missing"]) == 0
    assert "2 of 2 names whole" in capsys.readouterr().out
