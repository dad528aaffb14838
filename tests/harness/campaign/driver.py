"""Runs one campaign, for the tests that kill it: ``driver.py FOLDER BACKEND PROGRAMS``."""

import sys
from pathlib import Path

from refgrad.harness import registry
from refgrad.harness.campaign import Campaign, Local, Plan, Store
from refgrad.harness.isolation import Limits

SHARD = 10


def main(folder, spec, programs):
    """Go on with the campaign in ``folder`` until so many programs are done."""
    backend = registry.load(spec)
    store = Store(Path(folder), Plan(spec, backend.version, shard=SHARD))
    with Local(1, Limits(seconds=5.0)) as crew:
        Campaign(store, crew, backend, programs=int(programs)).run()
    store.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
