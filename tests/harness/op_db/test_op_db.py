"""The catalogue is in order: every record can be run, and no two samples of one have the same name."""

import numpy as np
import pytest

import refgrad
from refgrad.errors import RefgradError
from refgrad.harness import op_db
from refgrad.harness.opinfo import bind


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chapter", op_db.chapters())
def test_runs_on_refgrad(chapter):
    """Each sample is accepted by the reference, each error input is refused."""
    for op in op_db.chapters()[chapter]:
        for sample in op.samples:
            fn, arrays = bind(op, sample)
            with np.errstate(all="ignore"):
                assert fn(refgrad, *map(refgrad.from_numpy, arrays)), f"{op.id}: {sample}"
        for each in op.errors:
            fn, arrays = bind(op, each.sample)
            with pytest.raises(Exception, match=r".") as caught:
                fn(refgrad, *map(refgrad.from_numpy, arrays))
            assert type(caught.value).__name__ == each.error, f"{op.id}: {each.sample}"


def test_names():
    """Ids are unique, and so are the names of an op's samples; an op has samples."""
    ids = [op.id for op in op_db.ops()]
    assert len(ids) == len(set(ids))
    for op in op_db.ops():
        names = [str(each) for each in (*op.samples, *(e.sample for e in op.errors))]
        assert op.samples
        assert len(names) == len(set(names)), f"{op.id}: {[n for n in names if names.count(n) > 1]}"


def test_find():
    """Records are found by name; an unknown one is refused with the names nearest to it."""
    assert [op.id for op in op_db.find(["exp"])] == ["exp", "exp-complex"]
    with pytest.raises(RefgradError, match="no op is called 'expp'; do you mean exp"):
        op_db.find(["expp"])
