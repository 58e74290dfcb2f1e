// The parts of the panel, each for a box of one's own.

/** Return the card of arrivals alone. */
function newArrivalsCard(command) {
  const id = newId("arrivals");
  const arrivals = newArrivals(id, (text) => command("arrivals", { rate: text }));
  return {
    element: card("Arrivals", "arrivals", arrivals.element),
    update: ({ arrivals: value }) => arrivals.update(value, false),
  };
}

/** Return the controls alone; what is chosen is told to Python, where other parts ask for it. */
function newControlsPart(command, model) {
  const choice = {
    get scenario() {
      return model.get("scenario") || null;
    },
    set scenario(name) {
      if (model.get("scenario") === name) return;
      model.set("scenario", name ?? "");
      model.save_changes();
    },
  };
  // The settings are a part of their own; Python joins what was typed there.
  const none = { texts: () => ({}), show() {}, discard() {}, update() {} };
  return newControls(command, choice, none, model);
}

/** Return the form alone; what was typed goes to Python as a message, never into the model. */
function newSettingsPart(command, model) {
  let told = "{}";
  const settings = newSettings(command, (texts) => {
    const now = JSON.stringify(texts);
    if (now !== told) model.send({ event: "typed", texts });
    told = now;
  });
  const onMessage = ({ problems, started }) => {
    if (problems) settings.show(problems);
    if (started) settings.discard();
  };
  model.on("msg:custom", onMessage);
  return {
    element: settings.element,
    update: (news) => settings.update(news.forms, news.chosen, !isOver(news.state)),
    close: () => model.off("msg:custom", onMessage),
  };
}

/** Return what happened, newest first: changes, failures, problems. */
function newLog() {
  const list = h("ol", {});
  const none = h("p", { class: "mm-none" }, "Nothing has happened yet.");
  const element = card("Log", "log", list, none);
  return {
    element,
    update({ lines }) {
      none.hidden = lines.length > 0;
      list.replaceChildren(
        ...lines.map(({ at, text, kind }) =>
          h(
            "li",
            {},
            h("time", {}, at == null ? "" : clock(at)),
            h("span", { class: kind === "problem" ? "mm-problem" : null }, text),
          ),
        ),
      );
    },
  };
}

/** Return the live charts of a model, or the one that Python draws. */
function newChartPart(command, model) {
  if (!Object.keys(model.get("specs")).length) return newDrawing(model);
  const charts = newCharts(model);
  return { element: h("div", {}, ...charts.elements), close: charts.close };
}

const PARTS = {
  controls: newControlsPart,
  settings: newSettingsPart,
  arrivals: newArrivalsCard,
  throttle: (command) => newThrottles(command),
  figures: () => newFigures(),
  chart: newChartPart,
  log: () => newLog(),
};

function renderPart({ model, el }, make) {
  const said = h("div", { class: "mm-said", role: "status", "aria-live": "polite" });
  const warning = newWarning();
  const commands = newCommands(model, (text, isRefused) => {
    setText(said, text ?? "");
    said.classList.toggle("mm-problem", Boolean(isRefused));
  });
  const part = make(commands.command, model);
  const root = h(
    "div",
    { class: `murmur-panel mm-part mm-part-${model.get("part")}`, "data-lm-suppress-shortcuts": "true" },
    part.element,
    h("div", { class: "mm-lines" }, said, warning.element),
  );
  function warn() {
    const news = model.get("state");
    const doubt = contact.doubt(news);
    part.doubt?.(doubt);
    root.classList.toggle("mm-old", Boolean(doubt));
    root.inert = doubt === "gone";
    warning.show(doubt ? contact.words(news) : "");
  }
  function update() {
    const news = model.get("state");
    if (news.state) part.update?.(news);
    warn();
  }
  const contact = newContact(model, el, warn);
  model.on("change:state", update);
  el.classList.add("murmur-box");
  el.append(root);
  update();
  model.send({ event: "ready" });
  return () => {
    contact.close();
    model.off("change:state", update);
    commands.close();
    part.close?.();
    try {
      model.send({ event: "gone" });
    } catch {
      // The kernel is gone as well.
    }
  };
}
