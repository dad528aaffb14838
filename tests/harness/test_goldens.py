"""PyTorch's recorded answers: what is written is read, stale ones are refused, and torch still gives them."""

from dataclasses import replace

import numpy as np
import pytest

from refgrad.commands.suite import suite
from refgrad.errors import InvalidGoldens
from refgrad.harness import adapters, op_db, registry
from refgrad.harness.goldens import Entry, Goldens, answers, ask, newest, read, write
from refgrad.harness.op_check import difference
from refgrad.harness.op_db.samples import op, real, sample
from refgrad.harness.questions import questions

ARRAYS = [
    np.array([[1.5, np.nan], [-0.0, np.inf]]),
    np.array(1 + 2j),
    np.array([True, False]),
    np.zeros((0, 3), np.float32),
    np.array([2**40, -1]),
]


def test_round_trip(tmp_path):
    """Values, signs of zero, dtypes and shapes survive the file."""
    chapter = {("a", "s"): Entry(7, {"value": ARRAYS, "vjp": []}), ("b", "t"): Entry(8, {"value": ARRAYS[:1]})}
    write(tmp_path / "x.npz", chapter)
    found = read(tmp_path / "x.npz")
    assert {key: (each.of, list(each.answers)) for key, each in found.items()} == {
        ("a", "s"): (7, ["value", "vjp"]),
        ("b", "t"): (8, ["value"]),
    }
    for mine, theirs in zip(found["a", "s"].answers["value"], ARRAYS, strict=True):
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs, equal_nan=theirs.dtype.kind in "fc")
    assert np.signbit(found["b", "t"].answers["value"][0][1, 0])


def test_one_text(tmp_path):
    """The same answers make the same file, byte by byte: nothing changes in the repository but what changed."""
    chapter = {("a", "s"): Entry(7, {"value": ARRAYS})}
    for name in ("x.npz", "y.npz"):
        write(tmp_path / name, chapter)
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()


def test_stale(tmp_path, monkeypatch):
    """Answers that are missing, or of other arrays, are refused with the line that mends it."""
    record, calculus = op("exp", sample(real(3))), adapters.calculus(registry.load("refgrad"))
    (each,) = record.samples
    with pytest.raises(InvalidGoldens, match=r"exp\(\[3\]\): no answer .* refgrad record"):
        Goldens(tmp_path).answers(record, each)
    chapter = ask(calculus, [record])
    write(tmp_path / "exponentials.npz", {key: replace(entry, of=1) for key, entry in chapter.items()})
    with pytest.raises(InvalidGoldens, match="have changed"):
        Goldens(tmp_path).answers(record, each)
    write(tmp_path / "exponentials.npz", chapter)
    assert difference(Goldens(tmp_path).answers(record, each)["vjp"], chapter["exp", "[3]"].answers["vjp"]) == ""


def test_newest(tmp_path):
    """The goldens of the newest torch are used; a folder without any is refused."""
    with pytest.raises(InvalidGoldens, match="holds no goldens"):
        newest(tmp_path)
    for name in ("torch-2.9", "torch-2.13"):
        (tmp_path / name).mkdir()
    assert newest(tmp_path).folder.name == "torch-2.13"


def test_refused_samples_are_named():
    """A sample that the recorded library refuses is a mistake of the record's, named with op, sample and question."""
    calculus = adapters.calculus(registry.load("refgrad"))
    with pytest.raises(InvalidGoldens, match=r"exp\(\[3\], \[3\]\), value: TypeError"):
        ask(calculus, [op("exp", sample(real(3), real(3)))])


def test_every_answer_is_there():
    """Each sample of the catalogue has PyTorch's answer to each of its questions."""
    goldens = newest(suite() / "goldens")
    for record in op_db.ops():
        for each in record.samples:
            assert set(goldens.answers(record, each)) >= set(questions(record, each)), f"{record.id}({each})"


@pytest.mark.filterwarnings("ignore")
def test_torch_still_says_so():
    """Asked again, the installed torch gives the answers that are recorded."""
    pytest.importorskip("torch")
    if not (torch := next((each for each in registry.installed() if each.name == "torch"), None)) or torch.error:
        pytest.skip("the torch plugin is not installed: pip install ./plugins/refgrad-torch")
    goldens, calculus = newest(suite() / "goldens"), adapters.calculus(registry.load("torch"))
    for record in op_db.ops()[::9]:
        each = record.samples[0]
        refused = list[str]()
        for question, answer in answers(calculus, record, each, refused).items():
            assert difference(goldens.answers(record, each)[question], answer) == "", f"{record.id}, {question}"
        assert refused == []
