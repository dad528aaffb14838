"""The command ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NoReturn

from benchmarks import endurance, plot, table
from benchmarks.child import ask
from benchmarks.contestants import CONTESTANTS, present
from benchmarks.instructions import NoValgrind, instructions
from benchmarks.measuring import Settings, machine, measure
from benchmarks.programs import PROGRAMS
from benchmarks.progress import Progress
from benchmarks.readme import README, put_table

UNUSABLE, INTERRUPTED = 4, 130

EXAMPLES = """\
examples:
  python -m benchmarks                                    everything: about 15 minutes on two idle cores
  python -m benchmarks --quick                            time only, small sizes: under a minute
  python -m benchmarks --only scalar_chain,xor --rounds 30
  python -m benchmarks --only mlp --against torch,numpy   fewer contestants
  python -m benchmarks --out before/                      results.json and ratios.png go there
  python -m benchmarks --only scalar_chain --instructions refgrad's instructions, counted by callgrind
  python -m benchmarks --readme                           the table and the plot of benchmarks/README.md, made anew

exit codes: 0 measured (whether or not the goals are met), 4 bad usage, 130 interrupted
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors exit with 4, as those of the command ``refgrad`` do."""

    def error(self, message: str) -> NoReturn:
        self.exit(UNUSABLE, f"benchmarks: {message}\n{self.format_usage()}")


def parser() -> Parser:
    made = Parser(
        prog="python -m benchmarks",
        description="Time and memory of refgrad, side by side with what a user would pick instead.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = made.add_argument
    add("--only", type=names_of(PROGRAMS, "program"), metavar="NAME,...", help=f"of: {', '.join(PROGRAMS)}")
    against = names_of(CONTESTANTS, "contestant")
    add("--against", type=against, metavar="NAME,...", help=f"of: {', '.join(CONTESTANTS)} (default: all installed)")
    add("--rounds", type=positive, metavar="N", help="rounds a row, fewer if it is slow (default: 15; quick: 5)")
    add("--quick", action="store_true", help="small sizes, few rounds, no memory")
    out = Path("benchmark-results")
    add("--out", type=Path, default=out, metavar="DIR", help=f"for results.json and ratios.png (default: {out})")
    add("--instructions", action="store_true", help="count instructions (needs valgrind; default: refgrad's alone)")
    add("--readme", action="store_true", help="put the table and the plot into benchmarks/README.md")
    return made


def names_of(known: dict[str, Any], kind: str) -> Any:
    """A reader of comma-separated names."""

    def read(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        unknown = [name for name in names if name not in known]
        if unknown or not names:
            said = f"no {kind} is called {', '.join(map(repr, unknown)) or repr(text)}"
            raise argparse.ArgumentTypeError(f"{said}; there are: {', '.join(known)}")
        return names

    return read


def positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of rounds; give 1 or more")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    """Measure, print, and write what was measured; what a user did wrong is said in a line, with exit code 4."""
    options = parser().parse_args(argv)
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        return count(options) if options.instructions else compare(options)
    except (NoValgrind, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return UNUSABLE


def settings_of(options: argparse.Namespace) -> Settings:
    rounds = options.rounds or (5 if options.quick else 15)
    programs = options.only or tuple(PROGRAMS)
    return Settings(programs, tuple(present(options.against)), rounds, options.quick, not options.quick)


def compare(options: argparse.Namespace) -> int:
    """The table of ratios; an interrupted run keeps the rows that it has."""
    settings = settings_of(options)
    run: dict[str, Any] = {"machine": machine(settings.contestants), "rows": []}
    code = 0
    with Progress(len(settings.rows())) as progress:
        try:
            for row in measure(settings, progress.say):
                run["rows"].append(row)
                save(run, options.out)
                progress.done(f"{row['program']} {table.short(row['size'])}", table.time_cell(row, "torch"))
            if not (options.only or options.quick):
                run |= at_length(progress)
        except KeyboardInterrupt:
            code = INTERRUPTED
    publish(run, options)
    return code


def at_length(progress: Progress) -> dict[str, Any]:
    """What does not belong to a row."""
    progress.say("leaks, over 10,000 training steps")
    leaks = ask("leaks", limit=300)
    progress.say("a chain of 1e6 nodes on a short stack")
    shallow = ask("shallow", nodes=10**6)
    progress.say("start-up")
    return {"leaks": leaks, "shallow": shallow, "start_up": endurance.start_up()}


def publish(run: dict[str, Any], options: argparse.Namespace) -> None:
    """Print the table; write the JSON, the picture, and if asked the README."""
    print(table.render(run), table.described(run["machine"]), sep="\n\n")
    save(run, options.out)
    pictures = [options.out / "ratios.png"] + ([README.with_name("ratios.png")] if options.readme else [])
    try:
        for picture in pictures:
            plot.draw(run, picture)
    except plot.NoMatplotlib as error:
        print(f"benchmarks: {error}", file=sys.stderr)
    if options.readme:
        put_table(f"{table.render(run)}\n\n{table.described(run['machine'])}")
    print(f"\nwritten: {options.out / 'results.json'}, {pictures[0]}", file=sys.stderr)


def save(run: dict[str, Any], folder: Path) -> None:
    """Write what there is, after each row: a run that ends early has its figures."""
    (folder / "results.json").write_text(json.dumps(run, indent=1) + "\n")


def count(options: argparse.Namespace) -> int:
    """Instructions a run, in the smallest size of each program."""
    wanted = options.against or ("refgrad",)
    tables = {each.name: each.programs() for each in present(wanted) if each.name in wanted}
    lines = []
    for program in options.only or tuple(PROGRAMS):
        size = PROGRAMS[program].sizes[0]
        for name in (name for name, able in tables.items() if program in able):
            print(f"{program} {size} on {name} under callgrind ...", file=sys.stderr)
            found = instructions(name, program, size, options.out)
            lines.append([program, table.short(size), name, f"{found:,.0f}"])
    print(table.grid(["program", "size", "library", "instructions a run"], lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
