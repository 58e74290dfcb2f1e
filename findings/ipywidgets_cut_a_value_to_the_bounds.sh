#!/usr/bin/env bash
# ipywidgets: a slider made with value=500 has the value 100, and one that is set to 500 has 100 as well.
#
# Version: ipywidgets 8.1.9 (PyPI), Python 3.11.
# Guess before the run: a value outside the bounds is a TraitError, as a wrong type is, and as min above max is.
# Seen: IntSlider(value=500), BoundedIntText(value=500) and FloatSlider(value=500) are 100, the greatest by default, and
#   IntSlider(value=5, min=10) is 10; assigning 500 gives 100, and a `max` that is raised afterwards does not bring it
#   back.  Whether `value` or `max` is assigned first decides: 100 one way, 500 the other.  Nothing is raised or
#   logged.
# So a form that asks for 500 users starts 100; give max= with the value, and assign max first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check ipywidgets==8.1.9
cat > look.py <<'PY'
import warnings

import ipywidgets
import traitlets

warnings.simplefilter("error")
made = {
    "IntSlider": ipywidgets.IntSlider(value=500),
    "BoundedIntText": ipywidgets.BoundedIntText(value=500),
    "FloatSlider": ipywidgets.FloatSlider(value=500),
}
for name, widget in made.items():
    print(f"{name}(value=500):", widget.value, "greatest", widget.max)
    assert widget.value == widget.max == 100
assert ipywidgets.IntSlider(value=5, min=10).value == 10
value_first, max_first = ipywidgets.IntSlider(), ipywidgets.IntSlider()
value_first.value = 500
value_first.max = 1_000
max_first.max = 1_000
max_first.value = 500
print("value first:", value_first.value, "- max first:", max_first.value)
assert (value_first.value, max_first.value) == (100, 500)
for wrong in ({"value": "many"}, {"min": 10, "max": 5}):
    try:
        ipywidgets.IntSlider(**wrong)
        raise SystemExit(f"{wrong} was taken")
    except traitlets.TraitError as error:
        print(wrong, "TraitError:", error)
PY
timeout 60 venv/bin/python look.py
