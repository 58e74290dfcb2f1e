#!/usr/bin/env bash
# Of 1,000 values 990 are 1 and 10 are 100; three t-digests say that the 90th percentile is 81.
#
# Version: tdigest 0.5.2.2 and pytdigest 0.1.4 (PyPI), prom-client 15.1.3 (npm, the Summary, which has tdigest 0.1.3
#   from npm); fastdigest 0.12.0 (PyPI) beside them.
# Guess before the run: a t-digest is good at the ends, so up to 98 % each says 1, and about 99 % something between.
# Seen: fastdigest says 1 up to 98.9 %.  The other three: 50 % 1.99, 90 % 81.19, 98 % 97.03.  They keep equal values
#   as one point of weight 990 and draw a straight line from its middle to the next point, so that half of all
#   requests are laid on a slope between 1 and 100.
# Times in whole milliseconds are such values: a service whose answers take 1 ms has a p90 of 81 ms on its
#   dashboard, because one in a hundred takes 100.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tdigest==0.5.2.2 pytdigest==0.1.4 fastdigest==0.12.0
npm install --silent --no-audit --no-fund prom-client@15.1.3 tdigest@0.1.3 > /dev/null
cat > look.js <<'JS'
const { Registry, Summary } = require("prom-client");
const registers = [new Registry()];
const summary = new Summary({ name: "ms", help: "of requests", percentiles: [0.5, 0.9, 0.98], registers });
for (let number = 0; number < 1000; number++) summary.observe(number < 990 ? 1 : 100);
summary.get().then((told) => {
  console.log(...told.values.filter((each) => "quantile" in each.labels).map((each) => each.value));
});
JS
timeout 60 node look.js > client.txt
cat > look.py <<'PY'
from pathlib import Path

import numpy as np
from fastdigest import TDigest as Fast
from pytdigest import TDigest as Compiled
from tdigest import TDigest as Plain

values = [1.0] * 990 + [100.0] * 10
ASKED = (0.5, 0.9, 0.98)
plain = Plain()
plain.batch_update(values)
compiled, fast = Compiled.compute(np.array(values)), Fast.from_values(values)
told = {
    "tdigest": [plain.percentile(100 * each) for each in ASKED],
    "pytdigest": [float(compiled.inverse_cdf(each)) for each in ASKED],
    "prom-client": [float(each) for each in Path("client.txt").read_text().split()],
    "fastdigest": [fast.quantile(each) for each in ASKED],
}
for name, found in told.items():
    print(f"{name:12}", *(f"{100 * each:.0f} %: {value:.2f} " for each, value in zip(ASKED, found, strict=True)))
assert told.pop("fastdigest") == [1.0, 1.0, 1.0]
for found in told.values():
    assert found[1] > 80
PY
timeout 60 venv/bin/python look.py
