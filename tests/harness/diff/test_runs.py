"""Two recorded runs: what got worse, better, new, and gone."""

import pytest

from refgrad.harness.diff.runs import compared, render
from refgrad.harness.results import Case, Header, Recorder


def run(version, **outcomes):
    recorder = Recorder(Header("mylib", version, "mylib"))
    for id, outcome in outcomes.items():
        recorder.add(Case(id, outcome, message=f"{id} said no\nand more"))
    return recorder.finish(len(outcomes))


@pytest.mark.parametrize(
    ("before", "after", "where", "worse"),
    [
        ("pass", "pass", None, False),
        ("pass", "fail", "regressions", True),
        ("pass", "crash", "regressions", True),
        ("pass", "unsupported", "regressions", True),
        ("pass", "xfail", "regressions", True),
        ("xfail", "fail", "regressions", True),
        ("unsupported", "fail", "regressions", True),
        ("fail", "pass", "fixes", False),
        ("timeout", "unsupported", "fixes", False),
        ("xfail", "pass", "fixes", False),
        ("unsupported", "pass", "fixes", False),
        ("fail", "crash", "changed", False),
        ("unsupported", "n/a", "changed", False),
    ],
)
def test_one_case(before, after, where, worse):
    """A case that got red, or is no longer tested, is a regression; the way back is a fix."""
    found = compared(run("1", a=before), run("2", a=after))
    pairs = {name: getattr(found, name) for name in ("regressions", "fixes", "changed")}
    assert [name for name, pairs in pairs.items() if pairs] == ([where] if where else [])
    assert found.worse is worse


def test_new_and_gone():
    """A case of one run only is new or gone; gone is worse, and new is if it is red."""
    assert [case.id for case in compared(run("1", a="pass"), run("2", a="pass", b="pass")).added] == ["b"]
    assert not compared(run("1", a="pass"), run("2", a="pass", b="pass")).worse
    assert compared(run("1", a="pass"), run("2", a="pass", b="fail")).worse
    gone = compared(run("1", a="pass", b="fail"), run("2", a="pass"))
    assert ([case.id for case in gone.gone], gone.worse) == (["b"], True)


def test_rendered():
    """The lists that are not empty are shown, and all are summed up."""
    found = compared(run("1", a="pass", b="fail", c="pass"), run("2", a="fail", b="pass", d="pass"))
    assert render(found).splitlines() == [
        "REGRESSIONS (1)",
        "  a: pass -> fail  (a said no)",
        "",
        "fixes (1)",
        "  b: fail -> pass  (b said no)",
        "",
        "new (1)",
        "  d: pass",
        "",
        "gone (1)",
        "  c: pass",
        "",
        "mylib 1 -> mylib 2: 1 regressions, 1 fixes, 0 changed, 1 new, 1 gone",
    ]
