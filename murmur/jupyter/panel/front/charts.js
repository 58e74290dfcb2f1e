// A live chart: embedded once, then given rows through Vega's view API.
//
// A new specification each second would leave a view and its listeners behind each time.

const vega = (globalThis.__murmur_vega ??= (() => {
  let resolve;
  const promise = new Promise((give) => (resolve = give));
  return { promise, resolve };
})());

const PATIENT = 2500; // milliseconds in which the model that carries Vega should have come

/** Ask Python for Vega where the front end leaves alone what has no view, as marimo does. */
function fetchVega(model) {
  let isHere = false;
  vega.promise.then(() => (isHere = true));
  const onMessage = ({ vega: text }) => {
    if (!text || isHere) return;
    import(URL.createObjectURL(new Blob([text], { type: "text/javascript" }))).catch((error) =>
      console.error(error),
    );
  };
  model.on("msg:custom", onMessage);
  const wait = setTimeout(() => isHere || model.send({ event: "library" }), PATIENT);
  return () => {
    clearTimeout(wait);
    model.off("msg:custom", onMessage);
  };
}

// A legend without an entry makes Vega compute a height of NaN, and draw nothing.
const NOTHING = [{ name: "none", at: null }];

const NO_NAMES = "{}"; // in the legend, besides those of the specification

const THEME = ["data-jp-theme-light", "data-jp-theme-name", "data-vscode-theme-kind"];

// Of the palette, what is hard to see on a dark page, and its like that is not.
const ON_DARK = {
  "#0072B2": "#4AA9E0", "#D55E00": "#F0844A", "#CC79A7": "#DF9CC2",
  "#B08800": "#E6B325", "#3B97D3": "#9AD5F7", "#7A7A7A": "#A7AFBA",
};

/** Return a specification in colours that stand out from the page. */
function coloured(spec, element) {
  const [r, g, b] = (getComputedStyle(element).color.match(/[\d.]+/g) ?? []).map(Number);
  if (!(r + g + b > 384)) return spec; // dark text: a light page
  const text = JSON.stringify(spec).replace(/#[0-9A-F]{6}/g, (one) => ON_DARK[one] ?? one);
  return JSON.parse(text);
}

const BESIDE = 64; // pixels of the vertical axis, which no legend uses

/** Return how many pixels an entry of a legend takes: the symbol, the text, the gap. */
const entryOf = (texts) => 44 + 7 * Math.max(7, ...texts.map((text) => Math.min(text.length, 23)));

/** Return the rows of a packed frame as objects, which is what Vega takes. */
function unpacked({ columns, labels, values }) {
  const bytes = values.buffer.slice(values.byteOffset, values.byteOffset + values.byteLength);
  const cells = new Float32Array(bytes);
  const length = columns.length ? cells.length / columns.length : 0;
  const rows = Array.from({ length }, () => ({}));
  columns.forEach((name, column) => {
    const texts = labels[name];
    for (let row = 0; row < length; row++) {
      const value = cells[column * length + row];
      rows[row][name] = texts ? texts[value] : Number.isNaN(value) ? null : value;
    }
  });
  return rows;
}

/** Return Vega's configuration in the colours of the page. */
function themed(element) {
  const style = getComputedStyle(element);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = colour("--mm-quiet");
  return {
    background: "transparent",
    font: style.fontFamily,
    view: { stroke: null },
    axis: {
      labelColor: text,
      titleColor: text,
      gridColor: colour("--mm-line"),
      domainColor: colour("--mm-line"),
      tickColor: colour("--mm-line"),
      labelFontSize: 11,
    },
    axisY: { minExtent: 52, maxExtent: 52 }, // for "200 µs": charts below each other line up
    legend: { labelColor: colour("--mm-text"), labelFontSize: 11.5, columnPadding: 14 },
  };
}

/** Return a card with a chart that Python draws: embedded anew only when its form changes. */
function newDrawing(model) {
  const box = h("div", { class: "mm-plot" });
  const empty = h("div", { class: "mm-empty" }, "no data yet");
  const heading = () => [model.get("title")];
  const element = card(heading(), "drawing", h("div", { class: "mm-drawing" }, box, empty));
  let view = null;
  let form = null;
  let isClosed = false;
  let drawing = Promise.resolve();
  const forgetVega = fetchVega(model);

  async function draw() {
    const { spec, datasets } = model.get("drawing");
    empty.hidden = Boolean(spec);
    if (!spec || isClosed) return;
    if (view && form === JSON.stringify(spec)) {
      for (const [name, rows] of Object.entries(datasets)) view.view.data(name, rows);
      await view.view.runAsync();
      return;
    }
    const make = await vega.promise;
    view?.finalize();
    const options = { actions: false, renderer: "canvas", config: themed(element), logLevel: 1 };
    view = await make(box, { ...spec, datasets }, options);
    form = JSON.stringify(spec);
    if (isClosed) view.finalize();
  }
  const again = () => (drawing = drawing.then(draw).catch((error) => console.error(error)));
  const anew = () => ((form = null), again());
  const theme = new MutationObserver(anew);
  theme.observe(document.body, { attributes: true, attributeFilter: THEME });
  model.on("change:drawing", again);
  again();
  return {
    element,
    close() {
      isClosed = true;
      forgetVega();
      model.off("change:drawing", again);
      theme.disconnect();
      view?.finalize();
    },
  };
}

/** Return a card with one chart. */
function newChart(spec, name, title, explanation) {
  const box = h("div", { class: "mm-plot" });
  const empty = h("div", { class: "mm-empty" }, "no data yet");
  const element = card(title, `chart-${name}`, h("div", { class: "mm-stage" }, box, empty));
  let view = null;
  let width = 0;
  let columns; // of the legend: Vega lays it out once, before it knows its width
  let legend;
  let latest = null;
  let isClosed = false;
  let drawing = Promise.resolve();
  let isQueued = false;

  /** Draw anew: once, and when the theme or the names in the legend have changed. */
  async function embed() {
    const make = await vega.promise;
    while (box.clientWidth < 40) {
      // Not laid out yet: a width of the container would be read as nothing.
      if (isClosed) return;
      await new Promise(requestAnimationFrame);
    }
    if (isClosed) return;
    view?.finalize();
    width = box.clientWidth;
    columns = columnsOf(width);
    legend = latest?.legend ?? NO_NAMES;
    const description = `${title}. ${explanation}`;
    const datasets = { rows: shown(), changes: latest?.changes ?? [] };
    const options = { actions: false, renderer: "canvas", config: themed(element), logLevel: 1 };
    const drawn = { ...coloured(spec, element), params: spanned(), description, datasets };
    view = await make(box, drawn, options);
    if (isClosed) view.finalize();
    else await push();
  }

  async function push() {
    if (isClosed || !view || !latest || document.hidden) return;
    empty.hidden = latest.rows.length > 0;
    if (legend !== latest.legend) return embed();
    await view.view
      .signal("start", latest.span[0])
      .signal("end", latest.span[1])
      .data("rows", shown())
      .data("changes", latest.changes)
      .runAsync();
  }

  const columnsOf = (room) =>
    Math.max(1, Math.floor((room - BESIDE) / entryOf(Object.values(latest?.labels ?? {}).flat())));
  const shown = () => (latest?.rows.length ? latest.rows : NOTHING);

  // The span belongs to the first layout: with that of a young run, marks of an old one lie far
  // beyond the axis, and what fits the container is what is left beside them.
  function spanned() {
    const [start, end] = latest?.span ?? [];
    const values = { start, end, columns };
    return spec.params.map((one) => ({ ...one, value: values[one.name] ?? one.value }));
  }

  // One thing after the other: a view must not be fed while it is replaced.
  const then = (work) => (drawing = drawing.then(work).catch((error) => console.error(error)));
  const watch = new ResizeObserver(() => {
    if (!view || box.clientWidth < 40 || box.clientWidth === width) return;
    width = box.clientWidth;
    if (columnsOf(width) !== columns) return void then(embed);
    then(() => view.view.signal("width", width).resize().runAsync());
  });
  watch.observe(box);

  return {
    element,
    name,
    embed: () => then(embed),
    redraw: () => then(push),
    update(frame, changes, span) {
      latest = {
        rows: unpacked(frame),
        changes: changes.filter((change) => change.at >= span[0]),
        span,
        labels: frame.labels,
        legend: JSON.stringify(frame.labels),
      };
      if (isQueued) return; // it will draw this
      isQueued = true;
      then(() => ((isQueued = false), push()));
    },
    close() {
      isClosed = true;
      watch.disconnect();
      view?.finalize();
    },
  };
}

const TITLES = {
  population: ["Users", "Users running, waiting and leaving, and how many were asked for, over time"],
  throughput: ["Actions per second", "Actions that succeeded and failed, per second, over time"],
  latency: ["Response time", "Percentiles of the response time on a logarithmic scale, over time"],
  heatmap: ["Response time, distribution", "How many actions took how long, over time"],
  throttles: ["Permits per second", "Permits that were asked for and granted, per second, over time"],
};

/** Return the charts that a model has specifications of; they follow its rows and the theme. */
function newCharts(model) {
  const charts = Object.entries(model.get("specs")).map(([name, spec]) =>
    newChart(spec, name, ...(TITLES[name] ?? [name, name])),
  );
  const embed = () => charts.forEach((chart) => chart.embed());
  const update = () => {
    const { span, ...frames } = model.get("rows");
    if (!span) return;
    const changes = model.get("state").changes ?? [];
    for (const chart of charts) chart.update(frames[chart.name], changes, span);
  };
  const theme = new MutationObserver(embed);
  theme.observe(document.body, { attributes: true, attributeFilter: THEME });
  const onVisible = () => document.hidden || charts.forEach((chart) => chart.redraw());
  document.addEventListener("visibilitychange", onVisible);
  model.on("change:rows", update);
  const forgetVega = fetchVega(model);
  embed();
  update();
  return {
    elements: charts.map((chart) => chart.element),
    close() {
      forgetVega();
      model.off("change:rows", update);
      document.removeEventListener("visibilitychange", onVisible);
      theme.disconnect();
      charts.forEach((chart) => chart.close());
    },
  };
}
