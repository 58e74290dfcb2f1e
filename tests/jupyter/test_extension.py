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
    assert renderers.active == "svg"

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


def test_charts_need_no_network_in_a_kernel_that_loaded_nothing():
    script = """
import IPython
class Shell: kernel = object()
IPython.get_ipython = Shell
import murmur.charts, altair
print(altair.renderers.active)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout == b"svg\n"


def test_importing_prints_nothing():
    done = subprocess.run(
        [sys.executable, "-c", "import murmur.jupyter"], capture_output=True, check=True
    )

    assert done.stdout + done.stderr == b""
