#!/usr/bin/env bash
# Two workers, all their answers took 0.2 s: prom-client's aggregate says that the 99th percentile is 0.4 s.
#
# Version: prom-client 15.1.3 (npm), Node.js 20.
# Guess before the run: the quantiles of a Summary are left out where workers are put together, or are some mean of
#   theirs; whatever it is, it lies between the fastest and the slowest answer.
# Seen: `AggregatorRegistry.aggregate`, which a cluster's `clusterMetrics()` calls, adds up quantiles like counts: 0.4
#   of two workers, 1.6 of eight, for every quantile.  Sum and count are right, and their quotient is 0.2.
# So response times grow with the number of workers, and a service looks slower for each core that it is given; use a
#   Histogram, whose buckets may be added, or `aggregator: 'average'` and call it an average.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund prom-client@15.1.3 > /dev/null
cat > look.js <<'JS'
const assert = require("assert");
const { AggregatorRegistry, Registry, Summary } = require("prom-client");

async function together(workers) {
  const told = [];
  for (let worker = 0; worker < workers; worker++) {
    const registry = new Registry();
    const took = new Summary({ name: "took_seconds", help: "Times.", percentiles: [0.5, 0.99], registers: [registry] });
    for (let request = 0; request < 100; request++) took.observe(0.2);
    told.push(await registry.getMetricsAsJSON());
  }
  const text = await AggregatorRegistry.aggregate(told).metrics();
  const value = (start) => Number(text.split("\n").find((line) => line.startsWith(start)).split(" ").at(-1));
  const seen = {
    p50: value('took_seconds{quantile="0.5"}'),
    p99: value('took_seconds{quantile="0.99"}'),
    mean: value("took_seconds_sum") / value("took_seconds_count"),
  };
  console.log(workers, "workers:", seen);
  return seen;
}

(async () => {
  const near = (one, other) => Math.abs(one - other) < 1e-6;
  for (const workers of [1, 2, 8]) {
    const seen = await together(workers);
    assert(near(seen.p50, 0.2 * workers));
    assert(near(seen.p99, 0.2 * workers));
    assert(near(seen.mean, 0.2));
  }
})();
JS
timeout 60 node look.js
