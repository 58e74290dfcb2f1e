"""Vega for reports and panels: built once, of the right version, and never in this process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from murmur import _vega


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_vega, "BUILT", tmp_path / "absent.js")
    _vega.script.cache_clear()
    yield
    _vega.script.cache_clear()


def test_it_is_built_once_and_kept(monkeypatch):
    built = []
    monkeypatch.setattr(_vega, "build_script", lambda version: built.append(version) or "// built")

    first = _vega.script()
    _vega.script.cache_clear()
    again = _vega.script()

    assert first == again == "// built"
    assert built == [_vega.vega_lite_version()]


def test_it_is_used_all_the_same_where_nothing_can_be_kept(tmp_path, monkeypatch, caplog):
    (tmp_path / "murmur").write_text("a file where the directory would be")
    monkeypatch.setattr(_vega, "build_script", lambda version: "// built")

    assert _vega.script() == "// built"
    assert "cannot be kept" in caplog.text


def test_the_one_of_the_wheel_is_used_only_if_it_fits_the_installed_altair(monkeypatch):
    monkeypatch.setattr(_vega, "build_script", lambda version: f"// built of {version}")
    monkeypatch.setattr(_vega, "vega_lite_version", lambda: "6.1")
    of_the_wheel = "/*! Vega, Vega-Lite 6.1 and Vega-Embed."
    _vega.BUILT.write_text(_vega._NOTICE.format(version="6.1"))

    fitting = _vega.script()
    _vega.script.cache_clear()
    monkeypatch.setattr(_vega, "vega_lite_version", lambda: "6.4")
    other = _vega.script()

    assert fitting.startswith(of_the_wheel)
    assert other == "// built of 6.4"


@pytest.mark.slow
def test_no_engine_is_ever_loaded_into_this_process():
    # It lets no other thread run while it works, which once lost all nodes of a busy machine.
    program = """
        import sys
        from murmur import _vega
        from murmur.jupyter.panel import _view
        script = _vega.script()
        assert "__murmur_vega" in script and len(script) > 500_000, len(script)
        assert _view.vega().endswith("export default {};\\n")
        assert "</svg>" in _vega.picture('{"mark": "point", "data": {"values": [{}]}}')
        assert "vl_convert" not in sys.modules
    """
    lines = "\n".join(line.strip() for line in program.splitlines())

    subprocess.run([sys.executable, "-c", lines], check=True, timeout=60)


def test_what_vl_convert_says_is_told():
    with pytest.raises(RuntimeError, match="vl-convert failed"):
        _vega.picture("no JSON")
