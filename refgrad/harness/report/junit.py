"""A run as JUnit's XML, which CI systems read.

Source: the schema of the JUnit plugin of Jenkins, https://github.com/jenkinsci/xunit-plugin
"""

from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from refgrad.harness.outcomes import EXCUSED
from refgrad.harness.results import Case, Run

__all__ = ["render"]

ERRORS = frozenset({"crash", "timeout", "env-error"})
SKIPPED = EXCUSED | {"xfail"}


def render(run: Run) -> str:
    """A suite a theme; what is excused or expected is skipped, with its reason."""
    root = Xml.Element("testsuites", name=f"refgrad: {run.header.backend} {run.header.version}")
    for theme in run.themes():
        suite(root, theme, [case for case in run.cases if case.theme == theme], run)
    if unmet := run.footer.unmet:
        suite(root, "expectations", [Case(entry, "fail", message=entry) for entry in unmet], run)
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True)


def suite(root: Xml.Element, theme: str, cases: Iterable[Case], run: Run) -> None:
    cases = list(cases)
    element = Xml.SubElement(root, "testsuite", name=theme or "suite", timestamp=run.header.started)
    counts = {
        "tests": len(cases),
        "failures": sum(kind(case) == "failure" for case in cases),
        "errors": sum(kind(case) == "error" for case in cases),
        "skipped": sum(kind(case) == "skipped" for case in cases),
    }
    for name, number in counts.items():
        element.set(name, str(number))
    element.set("time", f"{sum(case.duration for case in cases):.3f}")
    for case in cases:
        testcase(element, case, run)


def testcase(suite: Xml.Element, case: Case, run: Run) -> None:
    file, _, name = case.id.partition("::")
    element = Xml.SubElement(suite, "testcase", classname=file.removesuffix(".py"), name=legal(name or file))
    element.set("time", f"{case.duration:.3f}")
    what = kind(case)
    if what == "skipped":
        Xml.SubElement(element, "skipped", message=legal(f"{case.outcome}: {case.reason}"))
    elif what:
        found = Xml.SubElement(element, what, type=case.outcome, message=legal(case.statement or case.outcome))
        found.text = legal(f"{case.message}\n{run.header.line(case.id)}")


def kind(case: Case) -> str:
    """The element that says what became of a case; none for a pass."""
    if case.outcome in SKIPPED:
        return "skipped"
    if case.outcome in ERRORS:
        return "error"
    return "" if case.outcome == "pass" else "failure"


def legal(text: str) -> str:
    """Without the characters that XML has no way to write."""
    return "".join(each if each in "\t\n\r" or each >= " " else "�" for each in text)
