"""Loading adds the magics once; unloading takes everything out again."""

from __future__ import annotations

import subprocess
import sys

import pytest

import murmur.jupyter


@pytest.fixture
def bare(whole_shell):
    """Return the shell without %amoc, and leave it so."""
    murmur.jupyter.unload(whole_shell)
    yield whole_shell
    murmur.jupyter.unload(whole_shell)


def state(shell):
    manager = shell.magics_manager
    return (
        set(manager.magics["line"]),
        set(manager.magics["cell"]),
        set(manager.registry),
        list(shell.configurables),
        list(shell.Completer.custom_matchers),
    )


def test_unloading_leaves_the_shell_as_it_was(bare):
    before = state(bare)

    murmur.jupyter.load(bare)
    assert state(bare) != before
    murmur.jupyter.unload(bare)

    assert state(bare) == before


def test_loading_twice_adds_nothing(bare, session):
    murmur.jupyter.load(bare)
    once = state(bare)

    murmur.jupyter.load(bare, session)

    assert state(bare) == once
    assert bare.magics_manager.registry["Amoc"].session is session


def test_loading_again_keeps_the_session(bare, session):
    murmur.jupyter.load(bare, session)
    murmur.jupyter.load(bare)

    assert bare.magics_manager.registry["Amoc"].session is session


def test_unloading_what_is_not_loaded_does_nothing(bare):
    before = state(bare)

    murmur.jupyter.unload(bare)

    assert state(bare) == before


@pytest.fixture
def renderers():
    """Return Altair's renderers, set to the default, and put back what was active."""
    altair = pytest.importorskip("altair")
    active = altair.renderers.active
    altair.renderers.enable("default")
    yield altair.renderers
    altair.renderers.enable(active)


def test_charts_need_no_network_while_loaded(bare, renderers):
    murmur.jupyter.load(bare)
    assert renderers.active == "murmur"

    murmur.jupyter.unload(bare)
    assert renderers.active == "default"


def test_a_renderer_that_was_chosen_is_kept(bare, renderers):
    renderers.enable("png")

    murmur.jupyter.load(bare)
    assert renderers.active == "png"

    murmur.jupyter.unload(bare)
    assert renderers.active == "png"


def test_a_renderer_chosen_meanwhile_is_kept(bare, renderers):
    murmur.jupyter.load(bare)
    renderers.enable("html")

    murmur.jupyter.unload(bare)

    assert renderers.active == "html"


def kernel_that(says: str) -> str:
    """Return what a kernel prints that imports the charts and runs these lines."""
    script = f"""
import IPython
class Shell: kernel = object()
IPython.get_ipython = Shell
import sys, murmur.charts, altair
{says}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return done.stdout.decode()


CHART = """
values = altair.Data(values=[{"cost": 1234.5}])
chart = altair.Chart(values).mark_text().encode(text=altair.Text("cost:Q", format=",.1f"))
"""


def test_charts_need_no_network_in_a_kernel_that_loaded_nothing():
    assert kernel_that("print(altair.renderers.active)") == "murmur\n"


def test_drawing_a_chart_stops_no_user_as_the_engine_is_in_another_process():
    said = kernel_that(f"""{CHART}
print(chart._repr_mimebundle_())
print("vl_convert" in sys.modules)
""")

    assert "<svg" in said
    assert "1,234.5" in said
    assert said.endswith("False\n")


def test_a_chart_is_drawn_in_the_language_that_altair_was_told():
    said = kernel_that(f"""{CHART}
altair.renderers.set_embed_options(format_locale="de-DE")
print(chart._repr_mimebundle_())
""")

    assert "1.234,5" in said


def test_importing_prints_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import murmur.jupyter"], capture_output=True, check=True
    )

    assert done.stdout + done.stderr == b""
