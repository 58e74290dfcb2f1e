// Puts the parts together, and speaks with Python.

const PATIENCE = 700; // milliseconds without an answer, after which the page says what it waits for
const BADGES = {
  idle: "idle",
  running: "running",
  terminating: "stopping",
  ending: "ending",
  finished: "finished",
  failed: "failed",
  gone: "disconnected",
  silent: "no news",
};

/** Return a function that sends a command and gives a promise of its outcome. */
function newCommands(model, announce) {
  const waiting = new Map();
  const unanswered = new Set(); // a second click meanwhile is the same wish, not another one
  let number = 0;
  const onMessage = (message) => {
    if (!waiting.has(message.answer)) return;
    waiting.get(message.answer)(message);
    waiting.delete(message.answer);
  };
  model.on("msg:custom", onMessage);
  const stem = newId("command");
  return {
    command(name, given = {}) {
      const id = `${stem}-${++number}`;
      const wish = JSON.stringify([name, given]);
      if (unanswered.has(wish)) {
        const said = "Waiting for the kernel: this was asked for already and is not counted twice.";
        announce(said);
        return Promise.resolve({ said, refused: true });
      }
      unanswered.add(wish);
      const patience = setTimeout(
        () => announce(name === "freeze" ? "Drawing the charts." : "Waiting for the kernel: it is busy with a cell."),
        PATIENCE,
      );
      return new Promise((resolve) => {
        waiting.set(id, (outcome) => {
          clearTimeout(patience);
          unanswered.delete(wish);
          announce(outcome.said, outcome.refused);
          resolve(outcome);
        });
        try {
          model.send({ event: "command", name, id, arguments: given });
        } catch {
          waiting.get(id)({ said: "The kernel cannot be reached.", refused: true });
          waiting.delete(id);
        }
      });
    },
    close: () => model.off("msg:custom", onMessage),
  };
}

function newHead(onFreeze, onCode) {
  const badge = h("span", { class: "mm-badge", role: "status" }, h("i"), h("span"));
  const scenario = h("span", { class: "mm-scenario" });
  const elapsed = h("span", { class: "mm-elapsed" });
  const freeze = button("Freeze", {
    picture: "snow",
    label: "keep a summary and still charts of the run below the panel",
    onclick: onFreeze,
  });
  const code = button("Code", {
    picture: "code",
    label: "show the code that does what was clicked",
    onclick: onCode,
  });
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  mark.setAttribute("viewBox", "0 0 24 24");
  mark.setAttribute("aria-hidden", "true");
  mark.innerHTML = '<path d="M2 15c3-8 5-8 7-2s4 6 6-1 4-7 7-3"/>';
  return {
    element: h(
      "div",
      { class: "mm-head" },
      h("h2", { class: "mm-logo" }, mark, "murmur"),
      badge,
      scenario,
      elapsed,
      h("span", { class: "mm-space" }),
      freeze,
      code,
    ),
    code,
    update(state, news) {
      setText(badge.lastChild, BADGES[state]);
      setAttribute(badge, "class", `mm-badge mm-is-${state}`);
      setText(scenario, news.scenario ?? "no run yet");
      setText(elapsed, news.scenario ? clock(news.elapsed) : "");
      setDisabled(freeze, !news.run);
    },
  };
}

/** Return the code of all clicks so far, to copy. */
function newCode(announce) {
  const text = h("pre", { tabindex: 0, "aria-label": "Code that does what was clicked" });
  const copy = button("Copy", {
    onclick: async () => {
      const selection = getSelection();
      selection.selectAllChildren(text);
      await navigator.clipboard?.writeText(text.textContent).catch(() => {});
      announce("The code is selected, and copied where the browser allows it.");
    },
  });
  const element = card("The same as code", "code", text, copy);
  element.hidden = true;
  return { element, update: ({ code }) => setText(text, code) };
}

function renderPanel({ model, el }) {
  const said = h("div", { class: "mm-said", role: "status", "aria-live": "polite" });
  const announce = (text, isRefused) => {
    setText(said, text ?? "");
    said.classList.toggle("mm-problem", Boolean(isRefused));
  };
  const commands = newCommands(model, announce);
  const { command } = commands;
  const choice = { scenario: null };
  const warning = newWarning();
  const head = newHead(
    () => {
      announce("Drawing the summary and the charts…");
      command("freeze");
    },
    () => {
      code.element.hidden = !code.element.hidden;
      setAttribute(head.code, "aria-expanded", !code.element.hidden);
    },
  );
  const code = newCode(announce);
  const settings = newSettings(command);
  const controls = newControls(command, choice, settings);
  const charts = newCharts(model);
  const layout = model.get("layout_of_parts");
  const parts = [newFigures(), controls, newThrottles(command), newSearch()];
  const [figures, , throttles, search] = parts;
  const [nodes, errors, changes] = [newNodes(), newErrors(), newChanges()];

  const root = h(
    "div",
    { class: "murmur-panel", role: "region", "aria-label": "murmur panel", "data-lm-suppress-shortcuts": "true" },
    head.element,
    h("div", { class: "mm-lines" }, said, warning.element),
    code.element,
    search.element,
    figures.element,
    h(
      "div",
      { class: `mm-body${layout.controls ? "" : " mm-no-side"}` },
      h("div", { class: "mm-side" }, controls.element, settings.element, nodes.element),
      h(
        "div",
        { class: "mm-main", style: layout.columns ? `--mm-columns: ${layout.columns}` : null },
        ...charts.elements,
        throttles.element,
        errors.element,
        changes.element,
      ),
    ),
  );

  function troubles(news) {
    const { state, at, reasons = [] } = news.verdict ?? {};
    const when = at == null ? "" : ` at ${clock(at)}`;
    const word = state === "valid" ? "Note" : `The run is ${state}${when}`;
    const doubts = reasons.length ? `${word}: ${reasons.join(" ")}` : "";
    const told = [news.health?.warning, doubts, ...(news.problems ?? [])].filter(Boolean);
    return told.map((text) => (/[.!?]$/.test(text) ? text : `${text}.`)).join(" ");
  }
  function warn() {
    const news = model.get("state");
    const doubt = contact.doubt(news);
    warning.show(doubt ? contact.words(news) : troubles(news));
    figures.doubt(doubt);
    root.classList.toggle("mm-old", Boolean(doubt));
    root.querySelectorAll(".mm-body, .mm-code").forEach((part) => (part.inert = doubt === "gone"));
    const isEnding = news.health?.pace === "ending";
    head.update(doubt || (isEnding ? "ending" : (news.state ?? "idle")), news);
  }
  function update() {
    const news = model.get("state");
    if (!news.state) return warn();
    parts.forEach((part) => part.update(news));
    settings.update(news.forms, choice.scenario, !isOver(news.state));
    nodes.update(news.nodes);
    errors.update(news.errors);
    changes.update(news.changes.slice(-8).reverse());
    code.update(news);
    warn();
  }

  const contact = newContact(model, el, warn);
  model.on("change:state", update);
  el.append(root);
  update();
  model.send({ event: "ready" });

  return () => {
    contact.close();
    model.off("change:state", update);
    commands.close();
    charts.close();
    try {
      model.send({ event: "gone" });
    } catch {
      // The kernel is gone as well.
    }
  };
}

/** Render the whole panel, or the one part that the model is of. */
function render({ model, el }) {
  const part = PARTS[model.get("part")];
  return part ? renderPart({ model, el }, part) : renderPanel({ model, el });
}

export default { render };
