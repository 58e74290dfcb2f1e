#!/usr/bin/env bash
# What groupby.agg returns for a category column depends on the values that the function returned.
#
# Version: pandas 3.0.0 and 3.1.1 (PyPI), Python 3.11.
# Guess before the run: a function of one's own gives the dtype of what it returns, so `set` and `list`
#   give objects, and text gives text, in both versions.
# Seen: where every text that was returned happens to be one of the categories, the result is a category,
#   else it is text. 3.0.0 looks for a list or a set among the categories as well, and raises TypeError
#   (unhashable type); 3.1.1 returns objects.
# So cast the column to object before groupby where the function is not pandas' own.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat > look.py <<'PY'
import pandas as pd

frame = pd.DataFrame({"node": ["a", "a", "b"], "outcome": pd.Categorical(["left", "lost", "left"])})


def aggregated(function):
    try:
        found = frame.groupby("node")["outcome"].agg(function)
    except TypeError as error:
        return f"TypeError: {error}"
    return str(found.dtype)


seen = {name: aggregated(kind) for name, kind in {"set": set, "list": list}.items()}
seen["first text"] = aggregated(lambda values: str(values.iloc[0]))
seen["joined text"] = aggregated(lambda values: "/".join(values))
print(pd.__version__, seen)
is_old = pd.__version__ == "3.0.0"
for name in ("set", "list"):
    assert seen[name] == (f"TypeError: unhashable type: '{name}'" if is_old else "object")
assert (seen["first text"], seen["joined text"]) == ("category", "str")
PY
for version in 3.0.0 3.1.1; do
  python3 -m venv "venv-$version"
  "venv-$version/bin/pip" install --quiet --disable-pip-version-check "pandas==$version"
  timeout 60 "venv-$version/bin/python" look.py
done
