"""Campaigns: every program is judged once, every finding stored once, whatever dies in the meantime."""

import json
import subprocess
import sys
import time
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from refgrad.errors import BackendUnavailable
from refgrad.harness import registry
from refgrad.harness.campaign import Campaign, Here, Local, Plan, Store, work
from refgrad.harness.campaign import campaign as module
from refgrad.harness.expectations import Expectation, Expectations
from refgrad.harness.isolation import Died, Limits
from refgrad.harness.oracle.finding import actions
from refgrad.harness.program import generate
from refgrad.harness.program.ir import Leaf, Op, Program, Ref

pytest.importorskip("pebble")
HERE = Path(__file__).parent
DRIVER = [sys.executable, HERE / "driver.py"]
posix = pytest.mark.skipif(sys.platform == "win32", reason="has no alarms and no limits")


def spec(name):
    return f"{HERE / 'candidates.py'}:{name}"


@cache
def seed_with(cosines, shards=1):
    """The first seed in each of whose first shards of ten so many programs have a cosine."""
    return next(seed for seed in count() if all(with_cosine(seed, shard) == cosines for shard in range(shards)))


def with_cosine(seed, shard):
    """How many programs of a shard of ten have a cosine."""
    return sum("cos" in actions(generate(number)) for number in Plan("", "", seed=seed, shard=10).seeds(shard))


def campaign(folder, name, crew, *, programs, shard=10, seed=None, expectations=None):
    """Run to the end; the store, and what was not expected. By default two of the first ten programs have a cosine."""
    seed = seed_with(2) if seed is None else seed
    backend = registry.load(spec(name))
    with closing(Store(folder, Plan(spec(name), backend.version, shard=shard, seed=seed))) as store, crew:
        return store, Campaign(store, crew, backend, expectations, programs=programs).run()


def shards(folder):
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def untimed(folder):
    return sorted(({**shard, "seconds": 0} for shard in shards(folder)), key=lambda shard: shard["shard"])


def test_a_right_backend_has_no_findings(tmp_path):
    """The reference against itself: all programs run, nothing is found."""
    store, found = campaign(tmp_path, "Right", Here(), programs=30)
    assert found == []
    assert (store.programs, sorted(store.done)) == (30, [0, 1, 2])
    assert sum(store.reached.values()) > 30


def test_a_wrong_backend_is_found(tmp_path):
    """A wrong op is one short list, each entry with a small program, a script, a seed and a count."""
    store, found = campaign(tmp_path, "Wrong", Here(), programs=20)
    assert found
    assert all("cos" in each["signature"] and each["blame"] == "backend" for each in found)
    first = found[0]
    assert len(first["program"]["statements"]) <= 3
    assert "torch.cos(" in first["scripts"]["torch"]
    assert store.families[first["family"]] >= 1
    assert json.loads(store.path(first).read_text()) == first


def test_the_same_seed_is_the_same_campaign(tmp_path):
    """Two runs of a plan agree in every shard and every finding, isolated or not; another seed differs."""
    first, _ = campaign(tmp_path / "a", "Wrong", Here(), programs=20)
    second, _ = campaign(tmp_path / "b", "Wrong", Local(2, Limits()), programs=20)
    campaign(tmp_path / "c", "Wrong", Here(), programs=20, seed=seed_with(2) + 1)
    assert untimed(tmp_path / "a") == untimed(tmp_path / "b") != untimed(tmp_path / "c")
    assert set(first.findings) == set(second.findings)


def test_what_is_done_is_not_done_again(tmp_path):
    """A campaign that is asked for more goes on where it was."""
    campaign(tmp_path, "Wrong", Here(), programs=20)
    before = (tmp_path / "journal.jsonl").read_text()
    campaign(tmp_path, "Wrong", Here(), programs=20)
    assert (tmp_path / "journal.jsonl").read_text() == before
    campaign(tmp_path, "Wrong", Here(), programs=30)
    after = (tmp_path / "journal.jsonl").read_text()
    assert after.startswith(before)
    assert [shard["shard"] for shard in shards(tmp_path)] == [0, 1, 2]


def test_known_findings_are_counted_and_no_more(tmp_path):
    """A finding that is declared is stored with its reason, and is none of the list."""
    known = Expectations((Expectation("program::*cos*", "fail", "cos is upside down"),))
    store, found = campaign(tmp_path, "Wrong", Here(), programs=20, expectations=known)
    assert found == []
    assert {each["known"] for each in store.findings.values() if each["blame"] == "backend"} == {"cos is upside down"}


def test_a_crash_is_not_excused_by_a_declared_failure(tmp_path):
    """What is declared as a failure, and kills the process, is more than was declared."""
    known = Expectations((Expectation("program::*cos*", "fail", "cos is upside down"),))
    _, found = campaign(tmp_path, "Leaves", Local(1, Limits()), programs=10, seed=seed_with(1), expectations=known)
    assert [each["signature"] for each in found] == ["cos: crash (process, backend)"]


def test_a_family_is_shrunk_a_few_times_and_then_counted(tmp_path, monkeypatch):
    """However often a difference is seen, few of its programs are shrunk."""
    monkeypatch.setattr(module, "ENOUGH", 1)
    store, _ = campaign(tmp_path, "Wrong", Here(), programs=20, seed=seed_with(1, shards=2))
    assert max(store.families.values()) > 1
    assert {store.stored(family) for family in store.families} == {1}


@posix
@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("Segfaults", "crash", "the process was killed by SIGSEGV"),
        ("Leaves", "crash", "the process ended with exit status 5"),
        ("Floods", "crash", "it printed without end"),
        ("Eats", "crash", "MiB of memory"),
        ("Hangs", "timeout", "it took too long"),
    ],
)
def test_a_deadly_op_is_a_finding_and_the_run_goes_on(tmp_path, name, kind, reason):
    """Whatever an op does to its process, it is found, cut down to that op, and every other program is judged."""
    limits = Limits(seconds=2.0, memory=3 << 30, output=1 << 20)
    store, found = campaign(tmp_path, name, Local(1, limits), programs=10, seed=seed_with(1))
    assert (store.programs, store.done) == (10, {0})
    assert {each["signature"] for each in found} == {f"cos: {kind} (process, backend)"}
    assert reason in found[0]["actual"]
    assert [each["do"] for each in found[0]["program"]["statements"]] == ["leaf", "op"]
    assert store.families[found[0]["family"]] == 1


class Busy(Here):
    """This process, whose first task comes to nothing for want of time, and which finds nothing slow later."""

    stalled = False

    def submit(self, function, *args):
        if function is work.run_shard and not self.stalled:
            self.stalled = True
            return super().submit(
                lambda *args: Died(
                    "timeout", "it took too long", str(Plan("", "", seed=seed_with(0), shard=10).seeds(0)[0])
                ),
                *args,
            )
        return super().submit((lambda *args: None) if function is work.step_by_step else function, *args)


def test_a_busy_machine_is_no_finding(tmp_path):
    """A program that took too long once is judged again, and is a finding only if it does so by itself."""
    store, found = campaign(tmp_path, "Hangs", Busy(), programs=10, seed=seed_with(0))
    assert (store.programs, store.done, found) == (10, {0}, [])


@posix
def test_more_deaths_than_one_in_a_shard(tmp_path):
    """Programs that kill are told from those that do not, and deaths of one kind are one finding."""
    store, found = campaign(tmp_path, "Leaves", Local(1, Limits()), programs=10)
    assert store.programs == 10
    assert [store.families[each["family"]] for each in found] == [2]


def test_a_backend_that_kills_every_worker_ends_the_run(tmp_path):
    """Where no worker gets as far as its first program, the backend is of no use, and that is said."""
    with pytest.raises(BackendUnavailable, match="ended with exit status 9 before its first program"):
        campaign(tmp_path, "DiesAtOnce", Local(1, Limits()), programs=10)


def test_a_backend_with_a_process_of_its_own(tmp_path):
    """A crash on the other side of the wire is a finding too, without isolation."""
    command = f"exec:{sys.executable} -m refgrad.harness.wire serve {spec('Segfaults')}"
    backend = registry.load(command)
    store = Store(tmp_path, Plan(command, "1.0", shard=10, seed=seed_with(2)))
    found = Campaign(store, Here(), backend, programs=10).run()
    store.close()
    backend.close()
    crashes = [each for each in found if each["kind"] == "crash"]
    assert crashes
    assert all("SIGSEGV" in each["actual"] for each in crashes)


@posix
def test_killed_again_and_again(tmp_path):
    """A campaign that is killed with -9 at any moment ends as one that never was: no finding lost, no shard done twice."""
    programs, killed = 60, tmp_path / "killed"
    command = [*DRIVER, killed, spec("Slow"), str(programs)]
    for _ in range(2):
        before = finished(killed)
        process = subprocess.Popen(command, start_new_session=True)
        while finished(killed) < before + 1 and process.poll() is None:
            time.sleep(0.01)
        process.kill()
        process.wait()
    assert finished(killed) < programs / 10
    subprocess.run(command, check=True, timeout=300)
    subprocess.run([*DRIVER, tmp_path / "whole", spec("Slow"), str(programs)], check=True, timeout=300)
    assert [shard["shard"] for shard in untimed(killed)] == list(range(6))
    assert untimed(killed) == untimed(tmp_path / "whole")
    assert names(killed) >= names(tmp_path / "whole")


def finished(folder):
    journal = folder / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def names(folder):
    return {path.name for path in (folder / "findings").glob("*.json")}


def test_a_fault_of_our_own_does_not_end_it(tmp_path, monkeypatch):
    """A program that refgrad itself cannot judge is kept, laid at its own door, and the others are run."""

    def judge(program, *witnesses, **kwargs):
        if "cos" in actions(program):
            raise ValueError("no verdict")

    monkeypatch.setattr(work, "judge", judge)
    store, (found,) = campaign(tmp_path, "Right", Here(), programs=20)
    assert store.programs == 20
    assert (found["stage"], found["blame"], store.families[found["family"]]) == ("judging", "environment", 2)
    assert found["actual"].startswith("'ValueError: no verdict (test_campaign.py, line")


def test_a_finding_that_cannot_be_made_smaller(tmp_path, monkeypatch):
    """A fault in the shrinking leaves the finding as it was found, and says so."""

    def minimal(*args):
        raise ValueError("no smaller one")

    monkeypatch.setattr(work, "minimal", minimal)
    store, found = campaign(tmp_path, "Wrong", Here(), programs=10)
    assert (store.programs, {each["blame"] for each in found}) == (10, {"backend"})
    assert all(each["note"].startswith("could not be made smaller: ValueError: no smaller one") for each in found)


@pytest.mark.parametrize(
    ("deadly", "blame", "number"), [("torch", "torch", 1), ("backend", "backend", 1), ("", "backend", 3)]
)
def test_who_kills_a_process(tmp_path, monkeypatch, deadly, blame, number):
    """A witness that dies where the backend alone does not is to blame; what dies of neither alone is laid at the backend."""
    plan = Plan(spec("Right"), "1", torch="2", shard=10)
    monkeypatch.setattr(module.work, "smaller", lambda *args: ())
    with closing(Store(tmp_path, plan)) as store, Here() as crew:
        run = Campaign(store, crew, registry.load(spec("Right")))
        monkeypatch.setattr(run, "_kills", lambda program, party="backend": 1 if party == deadly else None)
        program = Program((Leaf("x", (), (1.0,)), Op("y", "cos", (Ref("x"),)), Op("z", "sin", (Ref("y"),))))
        finding = run._deadly(program, Died("crash", "killed"))
    assert (finding.kind, finding.blame, finding.number) == ("crash", blame, number)
