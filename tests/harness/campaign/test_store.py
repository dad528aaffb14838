"""A campaign's folder: what is written is there for good, what was being written is not."""

import json

import pytest

from refgrad.errors import InvalidCampaign
from refgrad.harness.campaign import Plan, Store

PLAN = Plan("x", "1")
SHARD = {"shard": 0, "programs": 100, "seconds": 1.5, "reached": {"mul": 3}, "families": {"grad at mul": 2}}


def finding(signature="mul+backward: grad (trace, backend)", family="grad at mul"):
    return {"signature": signature, "family": family, "scripts": {"torch": "print(1)\n"}, "program": {}}


def reopened(folder, plan=PLAN):
    store = Store(folder, plan)
    store.close()
    return store


def test_what_is_done_is_found_again(tmp_path):
    """Shards, their sums and the findings are there after the folder is opened anew."""
    store = Store(tmp_path, PLAN)
    assert store.keep(finding())
    store.finish(SHARD)
    store.finish(SHARD | {"shard": 3})
    store.close()
    again = reopened(tmp_path)
    assert (again.done, again.programs, again.seconds) == ({0, 3}, 200, 3.0)
    assert (again.reached, again.families) == ({"mul": 6}, {"grad at mul": 4})
    assert list(again.findings.values()) == [finding()]


def test_a_finding_is_stored_once(tmp_path):
    """A second finding of the same signature is none."""
    store = Store(tmp_path, PLAN)
    assert store.keep(finding())
    assert not store.keep(finding())
    assert store.keep(finding("exp+backward: grad (trace, backend)", "grad at exp"))
    assert (store.stored("grad at mul"), store.stored("nothing")) == (1, 0)
    store.close()
    assert len(list((tmp_path / "findings").glob("*.json"))) == 2


def test_scripts_lie_beside_their_finding(tmp_path):
    """Each script of a finding is a file that can be run."""
    store = Store(tmp_path, PLAN)
    store.keep(finding())
    store.close()
    (script,) = (tmp_path / "findings").glob("*.torch.py")
    assert script.read_text() == "print(1)\n"
    assert script.name.startswith("mul-backward-grad-trace-backend-")


@pytest.mark.parametrize("torn", ["{", '{"shard": 7, "programs": 1', "\x00\x00"])
def test_a_torn_line_is_no_line(tmp_path, torn):
    """A journal that was cut short in the middle of a line goes on after the line before it."""
    store = Store(tmp_path, PLAN)
    store.finish(SHARD)
    store.close()
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write(torn)
    store = Store(tmp_path, PLAN)
    assert store.done == {0}
    store.finish(SHARD | {"shard": 1})
    store.close()
    assert reopened(tmp_path).done == {0, 1}


def test_a_draft_is_nothing(tmp_path):
    """A finding that was being written when the process was killed is not there."""
    reopened(tmp_path)
    (tmp_path / "findings" / "mul.json.draft").write_text('{"signature": "mu')
    assert reopened(tmp_path).findings == {}


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        ("campaign.json", "{", "cannot be read"),
        ("campaign.json", "[]", "no campaign that this version"),
        ("campaign.json", json.dumps(Plan("x", "2").record()), "another campaign \\(version '2', not '1'\\)"),
        ("journal.jsonl", "nonsense\n", "line 1: no shard"),
        ("journal.jsonl", '{"shard": 0}\n', "line 1: no shard"),
        ("findings/a.json", "nonsense", "cannot be read"),
        ("findings/a.json", "{}", "no finding"),
    ],
)
def test_what_is_no_campaign(tmp_path, file, text, says):
    """A folder with anything else in it is refused, and left as it is."""
    reopened(tmp_path)
    (tmp_path / file).write_text(text)
    with pytest.raises(InvalidCampaign, match=says):
        Store(tmp_path, PLAN)
    assert (tmp_path / file).read_text() == text


def test_a_journal_without_a_plan(tmp_path):
    """A journal whose plan is lost could be anybody's."""
    reopened(tmp_path)
    (tmp_path / "campaign.json").unlink()
    with pytest.raises(InvalidCampaign, match=r"no campaign\.json"):
        Store(tmp_path, PLAN)


def test_one_campaign_a_folder_at_a_time(tmp_path):
    """A folder in use is refused, and free again after it."""
    pytest.importorskip("fcntl")
    store = Store(tmp_path, PLAN)
    with pytest.raises(InvalidCampaign, match="a campaign is running in this folder"):
        Store(tmp_path, PLAN)
    store.close()
    reopened(tmp_path)
