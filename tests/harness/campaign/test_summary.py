"""The short list: what is told of several ops alike is one entry."""

from types import SimpleNamespace

import pytest

from refgrad.harness.campaign.summary import alike, also, declared
from refgrad.harness.expectations import Expectation, Expectations


def finding(words, kind="dtype", actual="float64", expected="float32"):
    signature = f"{words}: {kind} (trace, backend)"
    told = {"kind": kind, "stage": "trace", "blame": "backend", "actual": actual, "expected": expected}
    return {"signature": signature, **told}


def grouped(*findings):
    return [[each["signature"].partition(":")[0] for each in group] for group in alike(findings)]


def test_one_fact_of_many_ops():
    """The same wrong type of two ops is one entry; in a mode, or with other types, it is another."""
    found = grouped(finding("add"), finding("no_grad+add"), finding("mul"), finding("exp", actual="float16"))
    assert found == [["add", "mul"], ["no_grad+add"], ["exp"]]


def test_numbers_are_alone():
    """Two wrong numbers may be the same by chance."""
    assert grouped(finding("add", "grad", "0.0", "1.0"), finding("mul", "grad", "0.0", "1.0")) == [["add"], ["mul"]]


def test_names():
    """Those alike are named, up to a point."""
    others = [finding(f"op{i}") for i in range(10)]
    assert list(also(others[:2])) == ["  and 2 alike: op0, op1"]
    assert list(also(others)) == ["  and 10 alike: op0, op1, op2, op3, op4, op5, op6, op7, ..."]
    assert list(also([])) == []


GAPS = Expectations(
    (
        Expectation("test_ops.py::test_value[{amax,sum}]", "fail", "nan is passed over"),
        Expectation("test_ops.py::test_vjp[exp]", "fail", "no digits"),
    )
)


@pytest.mark.parametrize(
    ("words", "kind", "reason"),
    [
        ("amax", "value", "nan is passed over"),
        ("sum+exp", "value", "nan is passed over"),
        ("exp", "value", None),
        ("exp+backward", "grad", "no digits"),
        ("sum+backward", "grad", None),
        ("exp+sum+grad", "value", "nan is passed over"),
    ],
)
def test_declared(words, kind, reason):
    """A gap that the suite knows of an op, in its value or in its derivatives, is named beside a finding of the like."""
    found = declared(SimpleNamespace(expectations=GAPS), finding(words, kind))
    assert (found and found.reason) == reason
