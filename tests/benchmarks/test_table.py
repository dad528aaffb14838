"""What is made of a run: the table, the verdicts, the page, the picture."""

import pytest

from benchmarks import plot, table
from benchmarks.goals import judge
from benchmarks.readme import BEGIN, END, put_table


def made_up(program="scalar_chain", size=500, torch=0.4, mygrad=1.5):
    """A run of one row."""
    ours = {"seconds": [0.002, 0.003, 0.004]}
    times = {
        "torch": {"time": {"median": torch, "low": 0.3, "high": 0.5, "rounds": 3}, "peak": 1.25, "saved": 1.0},
        "mygrad": {"time": {"median": mygrad, "low": mygrad, "high": mygrad, "rounds": 1}},
        "candle": {},
    }
    contestants = {
        "refgrad": ours,
        "torch": {**ours, "peak": 2**21},
        "mygrad": ours,
        "candle": {"seconds": [], "why": "died of signal 11"},
    }
    versions = {"refgrad": "0", "torch": "2", "numpy": "2", "mygrad": "2", "candle": "0"}
    machine = {"cores": 2, "architecture": "x", "system": "y", "python": "3", "load": 0.0, "versions": versions}
    row = {"program": program, "size": size, "contestants": contestants, "ratios": times}
    return {"machine": machine, "rows": [row]}


def test_the_table():
    """A cell has the median and the quartiles; one measurement, none and a failure are told apart."""
    head, rule, line = table.ratios(made_up()).splitlines()
    assert [cell.strip() for cell in head.split("|")[1:5]] == ["program", "size", "refgrad", "/ torch"]
    cells = ["scalar_chain", "500", "3 ms", "0.40 (0.30-0.50)", "—", "~1.50", "fails", "1.25", "1.00"]
    assert [cell.strip() for cell in line.split("|")[1:-1]] == cells
    assert len(head) == len(rule) == len(line)
    assert "candle fails at scalar_chain 500: died of signal 11" in table.render(made_up())


@pytest.mark.parametrize(("size", "shown"), [(500, "500"), (10, "10"), (100, "1e2"), (10**6, "1e6"), (10_001, "10001")])
def test_sizes(size, shown):
    """Powers of ten are short."""
    assert table.short(size) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"), [(2.0, "2 s"), (0.0123, "12.3 ms"), (4.56e-5, "45.6 µs"), (1e-8, "0.01 µs")]
)
def test_durations(seconds, shown):
    """Each in the unit that suits it."""
    assert table.duration(seconds) == shown


def test_verdicts():
    """A goal is met at its bound and missed above; a peer that is faster anywhere is named."""
    met = {verdict.goal: verdict.met for verdict in judge(made_up(torch=0.5))}
    assert met == {"scalar_chain 500: at most 0.5 x torch": True, "every row faster than mygrad": False}
    missed, lost = judge(made_up(torch=0.51))
    assert not missed.met
    assert lost.measured == "1.50 (scalar_chain 500)"
    memory = next(v for v in judge(made_up("mlp", 64)) if "peak memory" in v.goal)
    assert (memory.measured, memory.met) == ("1.250", False)


def test_a_chain_that_is_not_linear():
    """Time a node that grows with the chain is a missed goal."""
    run = made_up("long_chain", 10**4)
    run["rows"].append(made_up("long_chain", 10**5)["rows"][0])
    run["rows"][1]["contestants"] = {"refgrad": {"seconds": [0.2]}}
    verdict = next(v for v in judge(run) if v.goal.startswith("long_chain: time"))
    assert (verdict.measured, verdict.met) == ("10.00 x between 10000 and 100000 nodes", False)


def test_leaks():
    """More than a byte a step, or one cycle, is a leak."""
    flat, growing, cyclic = (
        {"steps": 1000, "early": 0, "late": n, "cycles": c} for n, c in ((10, 0), (9000, 0), (0, 1))
    )
    run = {"rows": [], "leaks": {"a": flat, "b": growing, "c": cyclic}}
    assert [verdict.met for verdict in judge(run)] == [True, False, False]


def test_the_readme(tmp_path):
    """The table is replaced between its markers, again and again; a page without them is refused."""
    page = tmp_path / "README.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    for text in ("new", "newer"):
        put_table(text, page)
        assert page.read_text() == f"above\n{BEGIN}\n\n{text}\n\n{END}\nbelow\n"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="lacks the marker"):
        put_table("new", page)


def test_the_picture(tmp_path):
    """A run is drawn to a PNG."""
    pytest.importorskip("matplotlib")
    plot.draw(made_up(), tmp_path / "ratios.png")
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")


def test_no_matplotlib(tmp_path, monkeypatch):
    """Without matplotlib the message says how to get it."""
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(plot.NoMatplotlib, match="pip install matplotlib"):
        plot.draw(made_up(), tmp_path / "ratios.png")


def test_no_memory_ratio_of_noise():
    """Where torch's process hardly grew there is no ratio of memory."""
    run = made_up()
    run["rows"][0]["contestants"]["torch"]["peak"] = 4096
    assert table.memory_cells(run["rows"][0]) == ["—", "1.00"]
