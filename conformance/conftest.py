"""The suite's options and fixtures; what a verdict is, and what a run's exit code says.

Exit codes: 0 green; 1 something failed, or nothing was executed; 3 the smoke checks failed, so the adapter is wrong;
4 bad usage.
"""

import gc
import time
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol

from refgrad.errors import RefgradError
from refgrad.harness import adapters, op_db, registry, session
from refgrad.harness.adapters.precision import widest
from refgrad.harness.backend import profiles, record_again
from refgrad.harness.behaviours import NEWEST, OLDEST, behaviour_of
from refgrad.harness.check import Check
from refgrad.harness.expectations import Expectations
from refgrad.harness.goldens import newest
from refgrad.harness.op_check import OpCheck, Samples
from refgrad.harness.outcomes import EXCUSED, excuse, lacks
from refgrad.harness.report import terminal
from refgrad.harness.results import Recorder
from refgrad.harness.tally import Tally, Verdict, judge, op_of, worst

SUITE = Path(__file__).resolve().parent
BACKEND = pytest.StashKey[object]()
PROFILES = pytest.StashKey[frozenset]()
CASE = pytest.StashKey[str]()  # the id of the test that is running
DECLARED = pytest.StashKey[Expectations]()
RELEASE = pytest.StashKey[str]()
OPS = pytest.StashKey[frozenset]()  # the ids of those that are asked for; none for all
UNSEEN = EXCUSED | {"xfail"}  # outcomes of an error whose traceback nobody asks for


def pytest_addoption(parser):
    group = parser.getgroup("refgrad", "the backend under test")
    group.addoption(
        "--backend",
        default="refgrad",
        metavar="SPEC",
        help="installed name, module:attribute or ./file.py:Name, with options (torch:device=cpu); default: refgrad",
    )
    group.addoption(
        "--expectations", type=Path, metavar="PATH", help="declared gaps; default: the adapter's own expectations.toml"
    )
    group.addoption(
        "--spec",
        metavar="VERSION",
        help=f"the release of torch whose behaviour is asked for, {OLDEST} to {NEWEST}; default: the newest, and torch's own for torch",
    )
    group.addoption("--ops", metavar="NAMES", help="the smoke checks and the tests of these ops only, as add,mul,exp")
    group.addoption("--results", type=Path, metavar="PATH", help="write the run's record, results.jsonl, here")


# -- fixtures


@pytest.fixture(scope="session")
def backend(pytestconfig):
    """The backend under test."""
    return pytestconfig.stash[BACKEND]


@pytest.fixture
def xp(backend):
    """The backend as a module that speaks torch."""
    return adapters.facade(backend)


@pytest.fixture(scope="session")
def calculus(backend):
    """Values and derivatives of pure functions, in NumPy, from any backend."""
    return adapters.calculus(backend)


@pytest.fixture
def check(backend, pytestconfig):
    """Comparisons that name the backend and the case."""
    return Check(
        backend.name,
        pytestconfig.stash[CASE],
        array=lambda value: adapters.to_numpy(backend, value),
        strict="namespace" in pytestconfig.stash[PROFILES],
        lacks=lambda error: lacks(error, backend, SUITE),
        widest=widest(backend),
    )


@pytest.fixture(scope="session")
def samples(calculus):
    """The samples of ops, with PyTorch's recorded answers."""
    return Samples(calculus, newest(SUITE / "goldens"))


@pytest.fixture
def asking(check, samples):
    """The comparisons of an op's answers with PyTorch's recorded ones."""
    return lambda op: OpCheck(check, samples, op)


# -- before the first test


def pytest_configure(config):
    if config.option.help:
        return
    if getattr(config.option, "maxworkerrestart", "") is None:  # pytest-xdist's: a crash is a verdict, not the end
        config.option.maxworkerrestart = "10000"
    try:
        config.stash[BACKEND] = backend = registry.load(config.option.backend)
        config.stash[PROFILES] = profiles(backend)
        config.stash[RELEASE] = session.release(backend, config.option.spec)
        config.stash[DECLARED] = session.declared(backend, config.option.backend, config.option.expectations)
        config.stash[OPS] = asked_for(config.option.ops)
        if not is_worker(config):
            config.pluginmanager.register(
                Controller(recorder(config, backend), config.stash[DECLARED], config.hook), "refgrad-controller"
            )
    except (RefgradError, OSError) as error:
        raise pytest.UsageError(str(error)) from error


def asked_for(names):
    return frozenset(op.id for op in op_db.find(names.split(","))) if names else frozenset()


def recorder(config, backend):
    header = session.header(
        backend,
        config.option.backend,
        torch=config.stash[RELEASE],
        selection=tuple(str(arg) for arg in config.invocation_params.args),
        reproduce=session.reproduce(SUITE, config.invocation_params.dir, config.option.backend, config.option.spec),
    )
    return Recorder(header, None if config.option.collectonly else config.option.results)


def is_worker(config):
    return hasattr(config, "workerinput")  # of pytest-xdist


def pytest_report_header(config):
    backend = config.stash[BACKEND]
    under_test = f"backend under test: {backend.name} {backend.version} ({', '.join(sorted(config.stash[PROFILES]))})"
    return f"{under_test}, asked for the behaviour of torch {config.stash[RELEASE]}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    if unnamed := [item.nodeid for item in items if behaviour_in(item) is None]:
        raise pytest.UsageError(f"tests without @behaviour: {', '.join(unnamed)}")
    items.sort(key=place)
    idle = session.idle(config.stash[DECLARED], [item.nodeid for item in items], config.args, SUITE)
    report_idle(config, tuple(f"{entry}: no such test" for entry in idle))
    if config.option.ops:
        keep_ops(config, items)
    gc.freeze()  # thousands of tests that stay: no collection during a test need look at them


def place(item):
    """The smoke checks go first; last the ops, all questions about one in a row, for some have answers in common."""
    return not behaviour_in(item).smoke, op_of(item.nodeid)


def keep_ops(config, items):
    """Deselect the tests that ask about other ops, or about none."""
    wanted = config.stash[OPS]
    kept = [item for item in items if behaviour_in(item).smoke or op_of(item.nodeid) in wanted]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def report_idle(config, idle):
    if is_worker(config):
        config.workeroutput["idle"] = idle
    else:
        config.pluginmanager.get_plugin("refgrad-controller").idle = idle


def behaviour_in(item):
    return behaviour_of(getattr(item, "obj", None))


# -- each test, in whichever process it runs


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """pytest's own, with one message a test: its phases' reports, and word of start and end, take longer than most tests."""
    hook, place, alone = item.ihook, {"nodeid": item.nodeid, "location": item.location}, not is_worker(item.config)
    if alone:
        hook.pytest_runtest_logstart(**place)
    if reason := inapplicable(item):
        item.session._setupstate.teardown_exact(nextitem)  # the test before has left standing what they share
        report = untested(item, reason)
    else:
        report = merged(runtestprotocol(item, log=False, nextitem=nextitem))
    hook.pytest_runtest_logreport(report=report)
    if alone:
        hook.pytest_runtest_logfinish(**place)
    return True


def inapplicable(item):
    """Why a test cannot be asked of this backend, if it cannot."""
    stash, asked = item.config.stash, behaviour_in(item)
    if asked.profile not in stash[PROFILES]:
        return f"asks for the profile {asked.profile!r}, which this backend does not have"
    if not asked.holds_for(release := stash[RELEASE]):
        return f"holds for torch {asked.torch}, and torch {release} is asked for"
    return ""


def untested(item, reason):
    """The report of such a test: half of the suite, for a small backend, need not go through pytest's phases."""
    report = pytest.TestReport(item.nodeid, item.location, {}, "skipped", None, "setup")
    verdict = judge(behaviour_in(item), outcome="n/a", error=None, excused=("n/a", reason), expected=None)
    mark(report, verdict, item.location)
    report.refgrad = verdict.plain()
    return report


def merged(phases):
    """The report of the worst phase, of the call where all went alike, with the time that all of them took."""
    phases = sorted(phases, key=lambda report: report.when != "call")
    report = phases[worst(each.verdict.outcome for each in phases)]
    report.refgrad, report.duration = report.verdict.plain(), sum(each.duration for each in phases)
    report.keywords = {}  # they have done their work, and would go from process to process
    del report.verdict
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    item.config.stash[CASE] = item.nodeid
    record_again(item.config.stash[BACKEND])  # even where the test before this one failed with gradient mode off


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    verdict = verdict_on(item, call)
    if verdict.outcome in UNSEEN:
        call.excinfo = as_skip(call.excinfo, verdict.reason)
    report = yield
    report.verdict = verdict
    mark(report, verdict, item.location)
    return report


def verdict_on(item, call):
    """What a phase of a test came to."""
    error = None if call.excinfo is None else call.excinfo.value
    excused = error and (skipped(error) or excuse(error, item.config.stash[BACKEND], SUITE))
    return judge(
        behaviour_in(item),
        outcome="fail" if error else "pass",
        error=error,
        excused=excused,
        expected=item.config.stash[DECLARED].for_case(item.nodeid) if call.when == "call" or error else None,
        **(notes(item) if call.when == "call" else {}),
    )


def skipped(error):
    return ("n/a", str(error)) if isinstance(error, pytest.skip.Exception) else None


def as_skip(excinfo, reason):
    """What was raised, as a skip: pytest would lay out the traceback of an error, which takes longer than the test."""
    skip = pytest.skip.Exception
    return pytest.ExceptionInfo.from_exc_info((skip, skip(reason), excinfo.tb))


def notes(item):
    checked = getattr(item, "funcargs", {}).get("check")
    return {} if checked is None else {"choices": checked.choices, "lacking": checked.lacking}


def mark(report, verdict, location):
    """Tell pytest too, so that its own summary and its other reports say the same."""
    if verdict.outcome in EXCUSED:
        report.outcome = "skipped"
        report.longrepr = (str(location[0]), location[1] or 0, f"{verdict.outcome}: {verdict.reason}")
    elif verdict.outcome == "xfail":
        report.outcome, report.wasxfail = "skipped", verdict.reason
    elif verdict.outcome == "xpass":
        report.outcome, report.longrepr = "failed", verdict.message


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report):
    outcome = getattr(report, "refgrad", {}).get("outcome")
    if outcome in EXCUSED:
        return outcome, {"unsupported": "u", "n/a": "-"}[outcome], outcome.upper()
    return None


# -- the whole run, in the one process that sees all of it


class Controller(Tally):
    """The tally as a plugin of pytest."""

    def __init__(self, recorder, expectations, hook):
        super().__init__(recorder, expectations)
        self.hook, self.began = hook, time.perf_counter()

    def pytest_collection_finish(self, session):
        self.planned = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node, ids):
        self.planned = len(ids)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        self.idle = self.idle or tuple(getattr(node, "workeroutput", {}).get("idle", ()))

    def pytest_runtest_logreport(self, report):
        found = getattr(report, "refgrad", None)  # none where the test's process died
        verdict = self.crashed(report.nodeid, str(report.longrepr)) if found is None else Verdict(**found)
        self.add(report.nodeid, verdict, report.duration if found else 0.0)
        if hasattr(report, "node"):  # pytest-xdist's process, which does not say when a test has ended
            self.hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        handled = yield
        if self.misadapted and not (nextitem and behaviour_in(nextitem).smoke):
            item.session.shouldstop = "misadapted"
        return handled

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if session.config.option.collectonly:
            return
        if exitstatus in (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.INTERRUPTED) and not self.misadapted:
            self.recorder.close()  # without its footer the record says what it is: a run cut short
            return
        self.finish(time.perf_counter() - self.began)
        session.exitstatus = self.exit_code()

    def pytest_terminal_summary(self, terminalreporter):
        if self.run is not None:
            terminalreporter.section("refgrad")
            terminalreporter.write_line(terminal.render(self.run))
