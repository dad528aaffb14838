"""Programs for property tests: a Hypothesis strategy over the generator's grammar, and an assertion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refgrad.harness.program.generator import DTYPES, generate
from refgrad.harness.program.ir import Program

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["assert_conforms", "programs"]


def programs(*, dtypes: tuple[str, ...] = DTYPES, invalid: float = 0.1, length: int = 2) -> SearchStrategy[Program]:
    """Random programs, as ``generate`` draws them; Hypothesis makes a failing one shorter, ``shrink`` makes it small."""
    from hypothesis import strategies as st

    def drawn(seed: int, length: int) -> Program:
        return generate(seed, dtypes=dtypes, invalid=invalid, length=length)

    return st.builds(drawn, st.integers(0, 2**32 - 1), st.integers(1, length))


def assert_conforms(backend: Any, program: Program, *, reference: Any = None, torch: Any = None) -> None:
    """Fail where ``program`` shows ``backend`` to be wrong, with the smallest program that does, as a script.

    ``reference`` is refgrad, unless another is given. Conventions and ill-conditioned numbers are no failures.
    Errors: ``AssertionError``, which names the statement, both values and their distance.
    """
    from refgrad.harness import registry
    from refgrad.harness.oracle import judge, minimal
    from refgrad.harness.oracle.finding import HARMLESS

    witness = registry.load("refgrad") if reference is None else reference
    finding = judge(program, backend, witness, torch, laws=True)
    if finding is None or finding.blame in HARMLESS:
        return
    small = minimal(finding, backend, witness, torch)
    raise AssertionError(f"{small}\n\n{small.script()}")
