"""The check of the protocol passes servers that speak it, and tells the others what to mend."""

import shutil
import sys
from pathlib import Path

import pytest

from refgrad.harness.wire.check import check_protocol

HERE = Path(__file__).parent
TINY = f"{sys.executable} {HERE / 'tiny_server.py'}"
node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


@pytest.mark.parametrize(
    "command", [TINY, f"{TINY} double", f"{TINY} shaped", pytest.param(f"node {HERE / 'server.mjs'}", marks=node)]
)
def test_right_servers(command):
    """A server of 100 lines, in plain Python or JavaScript, keeps every rule."""
    rules = list(check_protocol(command))
    assert [rule for rule in rules if rule.wrong] == []
    assert len(rules) == 12


@pytest.mark.parametrize(
    ("fault", "name", "advice"),
    [
        ("exits", "answers hello", "no licence found"),
        ("hangs", "answers hello", "no answer within 1 s"),
        ("babbles", "answers hello", "no answer within 1 s"),
        ("one_long_line", "answers hello", "a line of more than 67,108,864 bytes"),
        ("old", "answers hello", 'must have "protocol": 1'),
        ("misnumbers", "answers hello", "the answer to request 1 has id 2"),
        ("chatty", "answers hello", "send 'welcome to tiny' to standard error"),
        ("no_gradients", "answers hello", "a backend lacks vjp()"),
        ("dies", "An op that it does not have", "ended with exit status 3"),
        ("stops", "A line that is no request", "the process ended with exit status 1"),
        ("keeps", "release is forgotten", "was released and still has its value"),
        ("no_nan", "comes back as it went", "nan and infinities: at index [1]: got nan, expected inf"),
        ("wide", "comes back as it went", "went as float32 and came back as float64"),
        ("lingers", "ends by itself", "it goes on"),
    ],
)
def test_wrong_servers(fault, name, advice):
    """The first rule that a wrong server breaks is named, with what to mend."""
    timeout = 1.0 if fault in ("hangs", "babbles") else 20.0
    broken = next(rule for rule in check_protocol(f"{TINY} {fault}", timeout=timeout) if rule.wrong)
    assert name in broken.name
    assert advice in broken.wrong


def test_without_a_handshake_nothing_else_is_tried():
    """A process that does not answer hello is judged by that alone."""
    assert len(list(check_protocol(f"{TINY} exits"))) == 1
