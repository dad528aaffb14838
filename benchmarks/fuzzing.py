"""How fast random programs are judged, where the time goes, and what they reach: ``python -m benchmarks.fuzzing``."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from refgrad.harness import registry
from refgrad.harness.oracle import judge
from refgrad.harness.program import Program, generate, interpret
from refgrad.harness.program.actions import ACTIONS
from refgrad.harness.program.generator import DTYPES, catalogue, focus
from refgrad.harness.program.grammar import OPS
from refgrad.harness.program.ir import Op
from refgrad.harness.program.scope import CLASSES

WARM_UP = 300  # programs: torch imports on first use


@dataclass
class Measured:
    """Seconds of processor time by part, for so many programs, and what these reached."""

    programs: int
    statements: int
    seconds: dict[str, float] = field(default_factory=dict)
    ops: Counter[str] = field(default_factory=Counter)
    erring: int = 0

    @property
    def rate(self) -> float:
        """Programs a second that one core judges, drawing included."""
        return self.programs / (self.seconds["generation"] + self.seconds["verdict"])

    @property
    def share(self) -> float:
        """The share of generation in that time."""
        return self.seconds["generation"] / (self.seconds["generation"] + self.seconds["verdict"])


def timed(action: Callable[[], object]) -> float:
    """The processor's seconds that ``action`` takes: other work on the machine does not count."""
    started = time.process_time()
    action()
    return time.process_time() - started


def measure(seeds: range, witness: str = "torch") -> Measured:
    """Draw and judge the programs of ``seeds``, refgrad against ``witness``."""
    reference, other = registry.load("refgrad"), registry.load(witness)
    verdict(map(generate, range(seeds.stop, seeds.stop + WARM_UP)), reference, other)
    programs = [generate(seed) for seed in seeds]
    found = Measured(len(programs), sum(map(len, programs)))
    found.seconds = {
        "generation": timed(lambda: [generate(seed) for seed in seeds]),
        "verdict": timed(lambda: verdict(programs, reference, other)),
        "refgrad's runs": timed(lambda: [interpret(each, reference) for each in programs]),
        f"{witness}'s runs": timed(lambda: [interpret(each, other) for each in programs]),
    }
    found.ops = Counter(each.op for program in programs for each in program.walk() if isinstance(each, Op))
    found.erring = sum(any(step.raised for step in interpret(each, reference)) for each in programs)
    return found


def verdict(programs: Iterable[Program], reference: object, other: object) -> None:
    """The verdict on each program, as a campaign gives it."""
    for program in programs:
        judge(program, other, reference)


def told(found: Measured, seeds: range) -> str:
    """What was measured, in lines."""
    corners = (len(OPS) + len(catalogue())) * len(ACTIONS) * len(CLASSES) * len(DTYPES)
    reached = len({focus(seed) for seed in seeds})
    ops = len(OPS) + len(catalogue())
    lines = [
        f"{found.programs} programs of {found.statements / found.programs:.1f} statements, torch against refgrad, one core",
        f"{found.rate:.0f} programs a second; generation takes {found.share:.0%} of the time",
        *(f"  {part}: {seconds / found.programs * 1e3:.2f} ms a program" for part, seconds in found.seconds.items()),
        f"{len(found.ops)} of {ops} ops drawn, the rarest {min(found.ops.values())} times",
        f"{reached} of {corners} corners (op x action x class of shapes x dtype), each the focus of one program in {corners}",
        f"{found.erring / found.programs:.0%} of the programs raise an error somewhere",
    ]
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("--programs", type=int, default=3000, metavar="N", help="how many (3000)")
    seeds = range(parser.parse_args(argv).programs)
    print(told(measure(seeds), seeds))


if __name__ == "__main__":
    main()
