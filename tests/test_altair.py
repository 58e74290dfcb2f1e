"""Altair comes without the grammar of addresses, which is made when one is checked."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip(
    "rfc3987_syntax", reason="rfc3987-syntax is not installed; JupyterLab brings it"
)

GRAMMAR = "import sys; sys.exit('rfc3987_syntax' in sys.modules)"


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("package", ["charts", "widgets", "jupyter.panel"])
def test_whatever_draws_needs_no_grammar(package):
    done = run(f"import murmur.{package}; import altair; {GRAMMAR}")

    assert done.returncode == 0, done.stderr


def test_a_report_needs_no_grammar(tmp_path):
    program = f"""
import murmur

with murmur.Session() as session:
    class Short(murmur.Scenario):
        async def start(self, user):
            user.record("act", 0.1)

    run = session.do(Short, 1, end_when_idle=True)
    run.wait(60)
    run.results.report({str(tmp_path / "report.html")!r})
"""
    done = run(program + GRAMMAR)

    assert done.returncode == 0, done.stderr


def test_addresses_are_checked_as_before():
    program = """
import murmur.charts
import jsonschema

checker = jsonschema.FormatChecker(["iri", "iri-reference"])
for address, form in [("https://example.org/\\u00e9", "iri"), ("../a", "iri-reference")]:
    checker.check(address, form)
try:
    checker.check("not an address", "iri")
except jsonschema.FormatError as error:
    print(error)
"""
    done = run(program)

    assert "is not a 'iri'" in done.stdout, done.stderr


def test_a_grammar_that_is_there_stays():
    done = run(
        "import sys, rfc3987_syntax as it, murmur.charts;"
        "sys.exit(it is not sys.modules['rfc3987_syntax'])"
    )

    assert done.returncode == 0, done.stderr
