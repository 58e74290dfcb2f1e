"""What importing murmur does (nothing) and what it offers (what `__all__` says)."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

import murmur

FRONT_ENDS = {"IPython", "altair", "anywidget", "ipywidgets"}
HEAVY = FRONT_ENDS | {"distributed", "numpy", "pandas", "pyarrow", "pytest", "trio"}
NODE = ["murmur.errors", "murmur.telemetry", "murmur.scenario", "murmur.runtime"]
FACE = [info for info in pkgutil.iter_modules(murmur.__path__) if not info.name.startswith("_")]
PUBLIC = ["murmur", *(f"murmur.{info.name}" for info in FACE)]
PACKAGES = ["murmur", *(f"murmur.{info.name}" for info in FACE if info.ispkg)]
PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
NAMESPACES: list[str] = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["tool"]["murmur"][
    "namespaces"
]
FUNCTIONS = [
    f"{module}.{name}"
    for module in NAMESPACES
    for name in importlib.import_module(module).__all__
    if inspect.isroutine(getattr(importlib.import_module(module), name))
]

PROBE = """
import gc, importlib, json, logging, os, signal, sys, threading, warnings

def state():
    # A library's own logger is its own affair; altair brings one that has a handler.
    loggers = [logging.root, *(
        logger for name, logger in logging.root.manager.loggerDict.items()
        if name.split(".")[0] == "murmur" and isinstance(logger, logging.Logger)
    )]
    return {
        "threads": [thread.name for thread in threading.enumerate()],
        "signal handlers": {int(s): repr(signal.getsignal(s)) for s in signal.valid_signals()},
        "log handlers": [repr(h) for logger in loggers for h in logger.handlers
                         if not isinstance(h, logging.NullHandler)],
        "log levels": logging.root.level,
        "hooks": [repr(h) for h in (sys.excepthook, sys.unraisablehook, threading.excepthook)],
        "collector": [gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()],
        "switch interval": sys.getswitchinterval(),
        "environment": dict(os.environ),
        "working directory": os.getcwd(),
        "sockets": [os.readlink(f"/proc/self/fd/{fd}") for fd in range(3, 64)
                    if os.path.exists(f"/proc/self/fd/{fd}")
                    and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:")],
    }

before = state()
for name in sys.argv[1:]:
    importlib.import_module(name)
after = state()
changed = {key: [before[key], after[key]] for key in before if before[key] != after[key]}
print(json.dumps({"changed": changed, "modules": sorted(sys.modules)}))
"""


# A submodule that is imported becomes an attribute of its package, and would hide a function.
CALLABLE = """
import importlib, pkgutil, sys

import murmur

def imported(package):
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not info.name.endswith("__main__"):
            importlib.import_module(info.name)

imported(murmur)
print([name for name in sys.argv[1:] if not callable(pkgutil.resolve_name(name))])
"""


def probe(*modules: str) -> tuple[dict[str, object], set[str]]:
    """Import `modules` in a new interpreter; return what changed and what was loaded."""
    command = [sys.executable, "-c", PROBE, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    found = json.loads(done.stdout)
    return found["changed"], {name.partition(".")[0] for name in found["modules"]}


def submodules(package: str) -> list[str]:
    """Return the dotted names of a package's modules, the package first."""
    module = importlib.import_module(package)
    inside = pkgutil.walk_packages(getattr(module, "__path__", []), f"{package}.")
    return [package, *(info.name for info in inside if not info.name.endswith("__main__"))]


def test_importing_murmur_starts_nothing_and_loads_nothing_heavy() -> None:
    changed, loaded = probe("murmur")

    assert changed == {}
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("name", PUBLIC)
def test_importing_a_public_package_starts_nothing(name: str) -> None:
    changed, _ = probe(name)

    assert changed == {}


def test_what_a_node_imports_holds_no_frames_and_no_front_end() -> None:
    modules = [inside for package in NODE for inside in submodules(package)]

    _, loaded = probe(*modules)

    assert loaded & HEAVY == set()


def test_a_session_alone_and_the_demo_need_nothing_of_a_cluster() -> None:
    _, loaded = probe("murmur._session", "murmur.cluster", "murmur.testing", "murmur.demo")

    assert loaded & {"cloudpickle", "cryptography", "distributed"} == set()


def test_what_is_public_is_there() -> None:
    assert sorted(NAMESPACES) == NAMESPACES
    assert set(NAMESPACES) <= set(PUBLIC)


@pytest.mark.parametrize("name", PACKAGES)
def test_what_a_package_offers_is_there(name: str) -> None:
    package = importlib.import_module(name)

    assert [name for name in package.__all__ if not hasattr(package, name)] == []
    assert [name for name in package.__all__ if name.startswith("_")] == []


@pytest.mark.parametrize("name", [name for name in PACKAGES if name not in NAMESPACES])
def test_all_of_a_package_for_siblings_is_what_it_offers(name: str) -> None:
    package = importlib.import_module(name)
    offered = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and not isinstance(value, types.ModuleType)
        and (getattr(value, "__module__", None) or "").startswith(package.__name__)
    }

    assert offered <= set(package.__all__)


def test_a_public_function_is_callable_whatever_was_imported() -> None:
    command = [sys.executable, "-W", "error", "-c", CALLABLE, *FUNCTIONS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert "murmur.throttle" in FUNCTIONS


def test_every_error_is_listed() -> None:
    module = importlib.import_module("murmur.errors")
    defined = {
        name
        for name, value in inspect.getmembers(module, inspect.isclass)
        if value.__module__ == module.__name__
    }

    assert defined == set(module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    offered = {attribute: getattr(module, attribute) for attribute in module.__all__}
    bare = [
        attribute
        for attribute, value in offered.items()
        if (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value))
        and not value.__doc__
    ]

    assert module.__doc__
    assert bare == []


def test_the_package_is_typed() -> None:
    assert Path(murmur.__path__[0], "py.typed").exists()


def test_what_is_missing_for_dask_is_told_by_the_extra_that_brings_all_of_it() -> None:
    """As in an environment with the wheel alone, which has none of these."""
    missing = ("distributed", "dask", "cloudpickle", "cryptography")
    lines = [
        "import sys",
        f"sys.modules.update(dict.fromkeys({missing}))",
        "import murmur",
        "with murmur.Session() as session:",
        "    session.use(object())",
    ]
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "pip install 'murmur-load[dask]'" in done.stderr
