"""A campaign on a Dask cluster whose workers come, go and die."""

import json
import subprocess
import sys
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from refgrad.errors import RefgradError
from refgrad.harness import registry
from refgrad.harness.campaign import Campaign, Cluster, Here, Plan, Store
from refgrad.harness.isolation import Limits

pytest.importorskip("distributed")
pytest.importorskip("pebble")
SPEC = f"{Path(__file__).parent / 'candidates.py'}:Slow"
PLAN = Plan(SPEC, "1.0", shard=5, seed=7)
PROGRAMS = 40
DASK = [sys.executable, "-m", "distributed.cli.dask_scheduler"], [sys.executable, "-m", "distributed.cli.dask_worker"]


@contextmanager
def running(command, **options):
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **options)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and two worker processes, and the address."""
    file = tmp_path / "scheduler.json"
    common = ["--scheduler-file", str(file), "--no-dashboard"]
    with ExitStack() as stack:
        stack.enter_context(running([*DASK[0], "--port", "0", *common], cwd=tmp_path))
        until(file.exists)
        worker = [*DASK[1], *common, "--no-nanny", "--nthreads", "1"]
        workers = [stack.enter_context(running([*worker, "--name", name], cwd=tmp_path)) for name in ("a", "b")]
        yield address(file), workers


def until(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def address(file):
    until(lambda: file.read_text().strip().endswith("}"))
    return json.loads(file.read_text())["address"]


def journal(folder):
    with closing(Store(folder, PLAN)) as store:
        return store.done, store.programs, store.families, set(store.findings)


def test_a_worker_dies_in_the_middle(cluster, tmp_path):
    """With one of two workers killed, every shard is done once, and the findings are those of a run at home."""
    where, workers = cluster
    killed = []

    def kill_one(campaign):
        if campaign.store.programs >= 15 and not killed:
            workers[0].kill()
            killed.append(campaign.store.programs)

    backend = registry.load(SPEC)
    with closing(Store(tmp_path / "cluster", PLAN)) as store, Cluster(where, Limits(seconds=20.0)) as crew:
        Campaign(store, crew, backend, programs=PROGRAMS, watch=kill_one).run()
    with closing(Store(tmp_path / "home", PLAN)) as store:
        Campaign(store, Here(), backend, programs=PROGRAMS).run()
    assert 15 <= killed[0] < PROGRAMS
    assert journal(tmp_path / "cluster") == journal(tmp_path / "home")
    shards = (tmp_path / "cluster" / "journal.jsonl").read_text().splitlines()
    assert len(shards) == PROGRAMS / 5


def test_no_scheduler():
    """An address with no scheduler is one clear error."""
    with pytest.raises(RefgradError, match="no Dask scheduler there"):
        Cluster("tcp://127.0.0.1:9", None)
