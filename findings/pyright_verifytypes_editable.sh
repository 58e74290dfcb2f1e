#!/usr/bin/env bash
# pyright's --verifytypes does not find a package that is installed editable.
#
# Version: pyright 1.1.414 (PyPI, with its extra nodejs), hatchling 1.27, Python 3.11.
# Guess before the run: `pyright --verifytypes NAME` judges the package of the environment it is
#   installed in, as mypy and pyright themselves resolve imports of editable installs.
# Seen: with `pip install -e` (hatchling writes a .pth file) the answer is "No py.typed file found",
#   "Symbols exported by ...: 0" and a score of 0 %, as if the package were empty; with --pythonpath
#   too, and from any folder.  With the same path in PYTHONPATH the score is 100 %.
# So a CI step that calls it beside an editable install can fail for a package without a fault.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p shop/src_shop
cat > shop/pyproject.toml <<'TOML'
[build-system]
requires = ["hatchling==1.27.0"]
build-backend = "hatchling.build"
[project]
name = "src-shop"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["src_shop"]
TOML
touch shop/src_shop/py.typed
printf '"""Shop."""\n\n\ndef price(count: int) -> int:\n    """Return it."""\n    return 2 * count\n' > shop/src_shop/__init__.py
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pyright[nodejs]==1.1.414" -e ./shop
venv/bin/python -c "import src_shop"   # Python itself finds it
score() { timeout 120 "$@" venv/bin/pyright --verifytypes src_shop --ignoreexternal 2>&1 | grep "completeness score" || true; }
editable=$(score env -u PYTHONPATH)
by_path=$(score env PYTHONPATH="$work/shop")
echo "editable install: $editable"
echo "PYTHONPATH:       $by_path"
[[ $editable == *" 0%"* && $by_path == *" 100%"* ]]
