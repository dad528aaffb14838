"""``refgrad fuzz``: random autograd programs, until there is a finding, an end, or a kill."""

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from refgrad.commands.parser import GREEN, RED, Commands, duration, refuse, require, subcommand

if TYPE_CHECKING:
    from refgrad.harness.campaign import Campaign, Plan
    from refgrad.harness.campaign.crew import Crew

__all__ = ["add"]

INTERRUPTED = 130
EXAMPLES = """\
examples:
  refgrad fuzz --backend mylib --programs 200                a first look
  refgrad fuzz --backend mylib --time 1h --jobs 2 --out fuzz run for an hour, and keep what is found
  refgrad fuzz --backend mylib --time 1h --jobs 2 --out fuzz again: it goes on where it was killed or ended
  refgrad fuzz --backend torch --seed 7                      other programs; the same seed, the same programs
  refgrad fuzz --backend exec:'node server.js' --isolate off a backend that has its own process
  refgrad fuzz --backend mylib --time 8h --out fuzz --scheduler tcp://host:8786

The same shards run on a Dask cluster with --scheduler: start workers with `dask worker --no-nanny tcp://host:8786`, where
refgrad and the backend can be imported. Workers may come, go and die.

A finding is declared in expectations.toml with test = "program::SIGNATURE" (* is a wildcard); it is then counted, no more.

exit codes: 0 nothing found that is not known, 1 findings, 4 unusable backend or bad usage, 130 interrupted
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "fuzz", fuzz, "compare a backend with PyTorch on random autograd programs", EXAMPLES)
    added.add_argument("--backend", required=True, metavar="SPEC", help="as for `refgrad check`")
    added.add_argument(
        "--programs", type=count, metavar="N", help="how many, in hundreds, those in DIR included (1000)"
    )
    added.add_argument("--time", type=duration, metavar="T", help="how long: 90s, 10m, 1h30m")
    added.add_argument("--seed", type=int, default=0, metavar="S", help="which programs (0)")
    added.add_argument("--jobs", type=count, default=1, metavar="N", help="worker processes on this machine (1)")
    added.add_argument("--out", type=Path, metavar="DIR", help="keep the findings, and go on with what is there")
    added.add_argument("--expectations", type=Path, metavar="PATH", help="declared gaps; default: the adapter's own")
    added.add_argument(
        "--isolate", choices=("process", "off"), default="process",
        help="run the backend in worker processes (default), or in this one: faster, and its crash is the end",
    )  # fmt: skip
    added.add_argument("--timeout", type=duration, default=10.0, metavar="T", help="of one program (10s)")
    added.add_argument("--memory", type=count, default=8192, metavar="MIB", help="of one worker (8192)")
    added.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, as tcp://host:8786")
    added.add_argument("--every", type=duration, default=10.0, metavar="T", help="between lines, off a terminal (10s)")


def fuzz(options: argparse.Namespace, rest: list[str]) -> int:
    """Run a campaign, and end in a short list."""
    refuse(rest)
    require("rich", "fuzz needs rich", "fuzz")
    from rich.console import Console

    from refgrad.harness import registry, session
    from refgrad.harness.campaign import Campaign, Store
    from refgrad.harness.campaign.progress import Progress

    console = Console(soft_wrap=True, highlight=False)
    with ExitStack() as stack:
        backend = registry.load(options.backend)
        stack.callback(getattr(backend, "close", lambda: None))
        expectations = session.declared(backend, options.backend, options.expectations)
        folder = options.out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="refgrad-")))
        store = Store(folder, planned(options, backend))
        stack.callback(store.close)
        campaign = Campaign(store, crew(options, stack), backend, expectations, **ends(options))
        try:
            campaign.watch = stack.enter_context(Progress(console, seconds=options.every))
            campaign.run()
        except KeyboardInterrupt:
            return interrupted(console, options)
        return conclude(console, campaign, options.out)


def planned(options: argparse.Namespace, backend: Any) -> "Plan":
    from refgrad.harness import session
    from refgrad.harness.adapters.precision import widest
    from refgrad.harness.campaign import Plan
    from refgrad.harness.program.generator import DTYPES

    dtypes = DTYPES[DTYPES.index(widest(backend)) :]  # the widest first
    return Plan(
        options.backend, backend.version, torch=torch_version(), seed=options.seed, dtypes=dtypes,
        refgrad=session.own_version(),
    )  # fmt: skip


def torch_version() -> str:
    """The PyTorch that is here to be a witness, or nothing."""
    from refgrad.errors import RefgradError
    from refgrad.harness import registry

    try:
        return registry.load("torch").version
    except RefgradError:
        return ""


def crew(options: argparse.Namespace, stack: ExitStack) -> "Crew":
    from refgrad.harness.campaign import Cluster, Here, Local
    from refgrad.harness.isolation import Limits

    limits = Limits(options.timeout, options.memory << 20)
    found: Crew
    if options.scheduler is not None:
        found = Cluster(options.scheduler, limits if options.isolate == "process" else None)
    else:
        found = Here() if options.isolate == "off" else Local(options.jobs, limits)
    stack.enter_context(found)
    return found


def ends(options: argparse.Namespace) -> dict[str, Any]:
    """When the campaign ends: without a word, after a thousand programs."""
    if options.time is None:
        return {"programs": options.programs or 1000}
    return {"programs": options.programs, "deadline": time.monotonic() + options.time}


def interrupted(console: Any, options: argparse.Namespace) -> int:
    console.print("interrupted" + (f"; the same command goes on with {options.out}" if options.out else ""))
    return INTERRUPTED


def conclude(console: Any, campaign: "Campaign", out: Path | None) -> int:
    from refgrad.harness.campaign.summary import render

    console.print(render(campaign, out), markup=False)
    return RED if campaign.unexpected else GREEN


def count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of at least 1")
    return int(text)
