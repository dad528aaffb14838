"""Plans: which programs a campaign runs, and whether two are the same."""

import json

import pytest

from refgrad.errors import InvalidCampaign
from refgrad.harness.campaign import Plan


def test_every_program_is_in_one_shard():
    """Shards do not overlap, nor do the programs of two seeds."""
    plan, other = Plan("x", "1", shard=10), Plan("x", "1", seed=1, shard=10)
    seeds = [seed for shard in range(5) for seed in plan.seeds(shard)]
    assert seeds == list(range(50))
    assert not set(seeds) & set(other.seeds(0))


def test_round_trip():
    """A plan is read as it was written."""
    plan = Plan("x:device=cpu", "1.2", torch="2.13.0", seed=3)
    assert Plan.read(json.loads(json.dumps(plan.record())), "here") == plan


@pytest.mark.parametrize("record", [None, [], {}, {"backend": "x"}, Plan("x", "1").record() | {"more": 1}])
def test_what_is_no_plan(record):
    """Anything else is refused."""
    with pytest.raises(InvalidCampaign, match="here: no campaign"):
        Plan.read(record, "here")


def test_differences_are_named():
    """Two plans that differ say in what."""
    assert Plan("x", "1").differences(Plan("x", "2", seed=5)) == ["version '2', not '1'", "seed 5, not 0"]
