#!/usr/bin/env bash
# Node's loop stands still for 1 s; the first who asks prom-client for it sees that, and the second sees a lag of 0.
#
# Version: prom-client 15.1.3 (npm), Node.js 20.
# Guess before the run: what is read is what happened, whoever reads it first, as with every counter and histogram.
# Seen: `nodejs_eventloop_lag_max_seconds` is 1.0 at the first look at the metrics, and 0 at the one right after it;
#   there the mean is "Nan" and the minimum 9223372036.854776, which is the histogram's value for none.  A second
#   later, with nothing blocked, all of it is what happened since the look before.  Each look empties the histogram.
# So with two Prometheus servers, or somebody who opens /metrics, each has a part of the blocks, and neither a
#   maximum; and a minimum of 292 years spoils the scale of a chart.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund prom-client@15.1.3 > /dev/null
cat > look.js <<'JS'
const assert = require("assert");
const { Registry, collectDefaultMetrics } = require("prom-client");

const registry = new Registry();
collectDefaultMetrics({ register: registry });
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

async function looked(who) {
  const text = await registry.metrics();
  const seen = {};
  for (const name of ["min", "mean", "max"]) {
    const line = text.split("\n").find((each) => each.startsWith(`nodejs_eventloop_lag_${name}_seconds `));
    seen[name] = line.split(" ")[1];
  }
  console.log(who, seen);
  return seen;
}

(async () => {
  await pause(300);
  const until = Date.now() + 1000;
  while (Date.now() < until);
  await pause(300);
  const first = await looked("first:");
  const second = await looked("second:");
  assert(first.max > 0.9);
  assert.deepStrictEqual(second, { min: "9223372036.854776", mean: "Nan", max: "0" });
  await pause(1000);
  const later = await looked("a second later:");
  assert(later.max > 0 && later.min < 1);
})();
JS
timeout 60 node look.js
