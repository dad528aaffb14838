"""refgrad computes torch's results in every program that is timed."""

import numpy as np
import pytest

from benchmarks.contestants import CONTESTANTS, alike, flat, refusal
from benchmarks.programs import PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda program: program.name)
def test_same_result_as_torch(program):
    """The same program text gives the same numbers on refgrad and on torch."""
    torch = pytest.importorskip("torch")
    import refgrad

    ours, theirs = (flat(program.build(T, program.small)()) for T in (refgrad, torch))
    assert [array.shape for array in ours] == [array.shape for array in theirs]
    for mine, other in zip(ours, theirs):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("peer", ["numpy", "autograd", "mygrad"])
def test_peers_compute_the_same(peer):
    """What a peer runs in its own idiom is the same work."""
    if not CONTESTANTS[peer].installed:
        pytest.skip(f"{peer} is not installed")
    ours = CONTESTANTS["refgrad"].programs()
    small = {name: PROGRAMS[name].small for name in ours}
    for name, build in CONTESTANTS[peer].programs().items():
        assert refusal(build, flat(ours[name](small[name])()), small[name]) is None, name


def test_a_peer_leaves_its_library_as_it_was():
    """mygrad guards its memory again once a program has run: other tests in the process count on it."""
    mygrad = pytest.importorskip("mygrad")
    CONTESTANTS["mygrad"].programs()["scalar_chain"](2)()
    x = mygrad.tensor([2.0])
    y = x + 1
    assert not x.data.flags.writeable
    assert y.creator is not None


def test_a_wrong_contestant_is_refused():
    """A contestant that computes something else, or fails, is not timed, and the reason is kept."""

    def broken(n):
        def run():
            raise RuntimeError("no such op")

        return run

    assert refusal(lambda n: lambda: [1.0], [np.array(2.0)], 1) == "another result"
    assert refusal(broken, [np.array(2.0)], 1) == "RuntimeError: no such op"


def test_results_may_be_cut_differently():
    """A Hessian in rows equals one in a piece; another number of values does not."""
    assert alike([np.eye(2)], [np.array([1.0, 0.0]), np.array([0.0, 1.0])])
    assert not alike([np.eye(2)], [np.array([1.0])])


def test_quick_sizes_are_small():
    """A quick run has every program, at sizes of the full one."""
    for program in PROGRAMS.values():
        assert program.quick
        assert set(program.quick) <= set(program.sizes)
