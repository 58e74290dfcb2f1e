#!/usr/bin/env bash
# Where the text of a thread goes in an executed notebook depends on ipykernel: another cell, or nowhere.
#
# Version: nbclient 0.11.0 with ipykernel 6.31.0 and 7.3.0 (PyPI), Python 3.11.
# Guess before the run: a thread that cell 1 starts prints while cell 2 runs; with 6.31.0 the text is in
#   the outputs of cell 2, with 7.3.0, which follows threads, in those of cell 1.
# Seen: with 6.31.0 it is in no cell at all: it is sent as output of cell 1, which is over, and nbclient
#   listens to the running cell alone.  With 7.3.0 it is in cell 2.
# So what a background thread says may be missing from a notebook that was run by nbclient, papermill or
# nbconvert, without a word; keep what matters in a variable, and show it in a cell of its own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'PY'
import nbclient
import nbformat

cells = [
    "import threading, time\n"
    "def work():\n    for _ in range(3):\n        time.sleep(0.5)\n        print('tick', flush=True)\n"
    "thread = threading.Thread(target=work)\nthread.start()",
    "thread.join(timeout=10)\ntime.sleep(0.5)\nprint('two')",
]
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
nbclient.NotebookClient(notebook, timeout=30, kernel_name="python3").execute()
print(*("".join(out.get("text", "") for out in cell.outputs).count("tick") for cell in notebook.cells))
PY
for version in 6.31.0 7.3.0; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --disable-pip-version-check \
    "nbclient==0.11.0" "ipykernel==$version"
done
old=$(PATH="$work/venv-6.31.0/bin:$PATH" JUPYTER_PATH="$work/venv-6.31.0/share/jupyter" timeout 60 venv-6.31.0/bin/python look.py 2> /dev/null)
new=$(PATH="$work/venv-7.3.0/bin:$PATH" JUPYTER_PATH="$work/venv-7.3.0/share/jupyter" timeout 60 venv-7.3.0/bin/python look.py 2> /dev/null)
echo "ticks in cell 1 and cell 2, of three: $old (ipykernel 6.31.0), $new (7.3.0)"
[[ $old == "0 0" && $new == "0 3" ]]
