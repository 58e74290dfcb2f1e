#!/usr/bin/env bash
# papermill -p run 2026_11: the notebook gets the number 202611.
#
# Version: papermill 2.7.0 (PyPI), Python 3.11.
# Guess before the run: what does not look like a number to a person, such as 2026_11, is a text.
# Seen: 2026_11 is 202611, 007 is 7, 1.10 is 1.1 and 1_0.5 is 10.5: a value is whatever Python's int and float take,
#   and they take underscores.  -p run 2026-11 is a text.
# So results that are stored under the parameter of a run may be stored under another name, or two runs under one;
#   -r, which takes texts as they are, is the one for names.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check papermill==2.7.0
cat > make.py <<'PY'
import nbformat

cell = nbformat.v4.new_code_cell("run = ''", metadata={"tags": ["parameters"]})
kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel}), "in.ipynb")
PY
venv/bin/python make.py
got() { # flag, value: what the notebook says
  timeout 60 venv/bin/papermill --prepare-only --no-progress-bar in.ipynb out.ipynb "$1" run "$2" 2> errors.txt \
    || { cat errors.txt; exit 1; }
  venv/bin/python -c 'import nbformat; print(nbformat.read("out.ipynb", 4).cells[1].source.splitlines()[-1])'
}
for value in 2026_11 2026-11 007 1.10 1_0.5; do echo "-p run $value:  $(got -p "$value")"; done | tee told.txt
grep -qx -- '-p run 2026_11:  run = 202611' told.txt
grep -qx -- '-p run 2026-11:  run = "2026-11"' told.txt
grep -qx -- '-p run 007:  run = 7' told.txt
grep -qx -- '-p run 1_0.5:  run = 10.5' told.txt
[ "$(got -r 2026_11)" = 'run = "2026_11"' ]
