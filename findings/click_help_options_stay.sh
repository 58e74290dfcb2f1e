#!/usr/bin/env bash
# A click command keeps the help options of the first context it was used in.
#
# Version: click 8.5.1 (PyPI), Python 3.11.
# Guess before the run: the same Command in a group whose context says
#   help_option_names=["-h", "--help"] has -h there, whatever was done with it before; the setting
#   belongs to the context, and each invocation has a new one.
# Seen: once the command was invoked by itself (as a test or a generator of documentation does), the
#   group's `run -h` ends with exit code 2, "No such option '-h'", until the process ends.  A command
#   that was first invoked through the group has -h.
# So a test of one command can break the test of another, depending on their order.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "click==8.5.1"
cat > look.py <<'PY'
import click
from click.testing import CliRunner

group = click.Group("tool", context_settings={"help_option_names": ["-h", "--help"]})
for name in ("alone", "grouped"):
    group.add_command(click.Command(name, help="Do it."))
runner = CliRunner()
print("alone by itself, --help:", runner.invoke(group.commands["alone"], ["--help"]).exit_code)
for name in ("grouped", "alone"):
    print(f"tool {name} -h:", runner.invoke(group, [name, "-h"]).exit_code)
PY
out=$(timeout 60 venv/bin/python look.py)
echo "$out"
[[ $out == *"tool grouped -h: 0"* && $out == *"tool alone -h: 2"* ]]
