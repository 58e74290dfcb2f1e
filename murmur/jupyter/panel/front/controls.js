// What a person does to the run as a whole: start, add, remove, arrivals, stop.

const DECADES = 6; // of the slider for arrivals: from 1 to a million users a minute

/**
 * Return the card of controls; `choice` holds the scenario that is chosen on this page.
 * With a model, the number of users is one of its traits.
 */
function newControls(command, choice, settings, model = null) {
  const ids = { scenario: newId("scenario"), users: newId("users"), arrivals: newId("arrivals") };
  const scenario = h("select", { id: ids.scenario, onchange: () => choose(scenario.value) });
  const doc = h("div", { class: "mm-help" });
  const users = h("input", { id: ids.users, type: "number", min: 0, value: 100, step: 1 });
  const force = h("input", { type: "checkbox", id: newId("force") });
  const start = button("Start", { kind: "primary", picture: "play", onclick: begin });
  const stop = button("Stop", {
    kind: "danger",
    picture: "stop",
    label: "users are asked to leave",
    onclick: () => command("stop"),
  });
  const add = button("Add", {
    label: "so many users",
    onclick: () => command("add", { count: users.value }),
  });
  const remove = button("Remove", {
    label: "so many users are asked to leave",
    onclick: () => command("remove", { count: users.value, force: force.checked }),
  });
  const arrivals = newArrivals(ids.arrivals, (text) => {
    if (!isOver(state)) command("arrivals", { rate: text });
  });
  let state = "idle";
  let forms = {};

  function choose(name) {
    choice.scenario = name;
    arrivals.forget();
    settings.update(forms, choice.scenario, false);
    describe();
  }

  function describe() {
    const form = forms[choice.scenario];
    setText(doc, form?.doc ?? "");
    if (form && isOver(state)) arrivals.update(form.user_rate, true);
  }

  async function begin() {
    const given = settings.texts();
    if (arrivals.isTyped) given.user_rate = arrivals.text;
    setDisabled(start, true);
    const outcome = await command("start", {
      scenario: choice.scenario,
      users: users.value,
      settings: given,
    });
    settings.show(outcome.problems ?? {});
    arrivals.show(outcome.problems?.user_rate ?? "");
    if (outcome.refused) setDisabled(start, !isOver(state));
    else settings.discard();
  }

  if (model) {
    setValue(users, String(model.get("count")));
    model.on("change:count", () => setValue(users, String(model.get("count"))));
    users.addEventListener("change", () => {
      model.set("count", Math.max(0, Math.round(Number(users.value)) || 0));
      model.save_changes();
    });
  }

  const element = card(
    "Control",
    "control",
    h("div", { class: "mm-row" }, h("label", { for: ids.scenario }, "Scenario"), scenario),
    doc,
    h("div", { class: "mm-row mm-pair" }, start, stop),
    h(
      "div",
      { class: "mm-row" },
      h("label", { for: ids.users }, "Users"),
      h("div", { class: "mm-group" }, users, add, remove),
    ),
    h(
      "label",
      { class: "mm-check", for: force.id, title: "Remove: cancel those who are still there after the scenario's grace" },
      force,
      "by force, after the grace",
    ),
    arrivals.element,
  );

  return {
    element,
    update(news) {
      ({ state, forms } = news);
      const isFree = isOver(state);
      const names = Object.keys(forms);
      if (names.join() !== [...scenario.options].map((option) => option.value).join()) {
        scenario.replaceChildren(...names.map((name) => h("option", { value: name }, name)));
      }
      const running = names.find((name) => name === news.scenario) ?? names[0];
      if (!isFree || !forms[choice.scenario]) choice.scenario = running;
      if (scenario.value !== choice.scenario) scenario.value = choice.scenario ?? "";
      setDisabled(scenario, !isFree || !names.length);
      setDisabled(start, !isFree || !names.length);
      setDisabled(stop, state !== "running");
      for (const one of [add, remove, force]) setDisabled(one, state !== "running");
      describe();
      if (!names.length) setText(doc, "The notebook defines no scenario yet.");
      if (!isFree) arrivals.update(news.arrivals, false);
    },
  };
}

/** Users a minute, on a scale of powers of ten; 0 holds them, inf lets all in at once. */
function newArrivals(id, onChosen) {
  const range = h("input", {
    type: "range",
    min: 0,
    max: 100 * DECADES,
    step: 1,
    "aria-label": "Arrival rate, slider",
  });
  const number = h("input", { id, type: "text", inputmode: "decimal", autocomplete: "off" });
  const help = h("div", { class: "mm-help" });
  const problem = h("div", { class: "mm-problem", role: "alert", hidden: true });
  let isTyped = false;
  let isHeld = false;

  const ofPosition = (position) => Number((10 ** (position / 100)).toPrecision(2));
  const positionOf = (value) =>
    value <= 1 ? 0 : Math.min(100 * DECADES, Math.round(100 * Math.log10(value)));

  function describe() {
    const value = typed(number.value);
    const words = !(value >= 0)
      ? "a number; 0 holds users, inf admits all at once"
      : value === 0
        ? "nobody is admitted"
        : value === Infinity
          ? "all are admitted at once"
          : `a minute, ${rate(value / 60)} a second`;
    setText(help, words);
    setAttribute(range, "aria-valuetext", `${number.value} users ${words}`);
  }
  function choose() {
    isTyped = true;
    isHeld = false;
    describe();
    onChosen(python(typed(number.value)));
  }
  range.addEventListener("input", () => {
    isHeld = true;
    number.value = String(ofPosition(Number(range.value)));
    describe();
  });
  range.addEventListener("change", choose);
  number.addEventListener("input", describe);
  number.addEventListener("change", () => {
    range.value = positionOf(typed(number.value));
    choose();
  });

  return {
    element: h(
      "div",
      { class: "mm-arrivals" },
      h(
        "div",
        { class: "mm-row" },
        h("label", { for: id }, "Arrivals"),
        h("div", { class: "mm-slider" }, range, number),
      ),
      help,
      problem,
    ),
    get isTyped() {
      return isTyped;
    },
    get text() {
      return python(typed(number.value));
    },
    show(text) {
      problem.hidden = !text;
      setText(problem, text);
    },
    forget() {
      isTyped = false;
    },
    /** Show what is in force; before a start, what was typed stays. */
    update(value, staysTyped) {
      if (value == null || isHeld || (staysTyped && isTyped)) return;
      if (!staysTyped) isTyped = false;
      const shown = typeof value === "number" ? String(Number(value.toPrecision(6))) : value;
      setValue(number, shown);
      if (number.value === shown) {
        const position = String(positionOf(typed(shown)));
        if (range.value !== position) range.value = position;
      }
      describe();
    },
  };
}
