// The throttles of the run: rate, who waits, pause and resume, ramps.

function newThrottles(command) {
  const body = h("tbody");
  const none = h("p", { class: "mm-none" }, "No throttles: they show while a run is on.");
  const table = h(
    "table",
    { class: "mm-throttle-table" },
    h("caption", { class: "mm-hidden" }, "Throttles of the run"),
    h(
      "thead",
      {},
      h("tr", {}, ...["throttle", "rate", "waiting", "granted", ""].map(heading)),
    ),
    body,
  );
  const rows = new Map();

  return {
    element: card("Throttles", "throttles", table, none),
    update({ throttles }) {
      table.hidden = !throttles.length;
      none.hidden = Boolean(throttles.length);
      for (const name of rows.keys()) {
        if (!throttles.some((one) => one.name === name)) {
          rows.get(name).elements.forEach((element) => element.remove());
          rows.delete(name);
        }
      }
      for (const one of throttles) {
        if (!rows.has(one.name)) {
          rows.set(one.name, newThrottle(one.name, command));
          body.append(...rows.get(one.name).elements);
        }
        rows.get(one.name).update(one);
      }
    },
  };
}

function heading(text, place) {
  return text
    ? h("th", { scope: "col", class: place ? `mm-number ${text === "granted" ? "mm-granted" : ""}` : null }, text)
    : h("td");
}

function newThrottle(name, command) {
  let now = {};
  const number = (label, value) =>
    h("input", { type: "text", inputmode: "decimal", "aria-label": label, value, autocomplete: "off" });
  const input = number(`Rate of ${name}`);
  input.addEventListener("change", () =>
    command("rate", {
      name,
      rate: python(typed(input.value)),
      limit: now.limit != null,
      cancel_ramp: now.ramping,
    }),
  );
  // JupyterLab takes the Enter that would end the typing; to leave the field does that as well.
  input.addEventListener("keydown", ({ key }) => key === "Enter" && input.blur());
  const per = h("span", { class: "mm-help" });
  const waiting = h("td", { class: "mm-number mm-waits" });
  const granted = h("td", { class: "mm-number mm-granted" });
  const pause = button("Pause", {
    picture: "pause",
    onclick: () => command(now.paused ? "resume" : "pause", { name }),
  });
  const ramp = button("Ramp", { picture: "ramp", label: `change the rate of ${name} gradually` });
  const state = h("span", { class: "mm-tag" });
  const to = number(`Ramp ${name} to this rate`, "");
  const seconds = number(`Ramp ${name} over so many seconds`, "60");
  const go = button("Start ramp", {
    kind: "primary",
    onclick: async () => {
      const outcome = await command("ramp", {
        name,
        from_rate: now.rate,
        to_rate: python(typed(to.value)),
        duration: python(typed(seconds.value)),
        cancel_ramp: now.ramping,
      });
      if (!outcome.refused) unfold(false);
    },
  });
  const more = h(
    "tr",
    { class: "mm-ramp", hidden: true },
    h("td", { colspan: 5 }, h("div", {}, "to", to, "over", seconds, "seconds", go)),
  );
  function unfold(isOpen) {
    more.hidden = !isOpen;
    setAttribute(ramp, "aria-expanded", isOpen);
    if (isOpen) (to.value ||= input.value), to.focus();
  }
  ramp.addEventListener("click", () => unfold(more.hidden));
  setAttribute(ramp, "aria-expanded", "false");

  const row = h(
    "tr",
    {},
    h("th", { scope: "row" }, name, state),
    h("td", { class: "mm-number" }, h("span", { class: "mm-rate" }, input, per)),
    waiting,
    granted,
    h("td", {}, h("div", { class: "mm-group" }, pause, ramp)),
  );
  return {
    elements: [row, more],
    update(one) {
      now = one;
      const isLimit = one.limit != null;
      const value = isLimit ? one.limit : one.rate;
      setValue(input, typeof value === "number" ? String(Number(value.toPrecision(6))) : (value ?? ""));
      setText(per, isLimit ? "at a time" : value === "inf" ? "unlocked" : `per ${rate(one.interval)} s`);
      setText(waiting, whole(one.waiting));
      setText(granted, whole(one.granted));
      setText(state, one.stopped ? "stopped" : one.paused ? "paused" : one.ramping ? "ramping" : "");
      setAttribute(state, "title", one.ramp);
      row.classList.toggle("mm-paused", one.paused);
      setText(pause.lastChild, one.paused ? "Resume" : "Pause");
      setAttribute(pause, "aria-label", `${one.paused ? "Resume" : "Pause"} ${name}`);
      setAttribute(pause.firstChild.firstChild, "d", one.paused ? PATHS.play : PATHS.pause);
      for (const each of [input, pause, ramp, go]) setDisabled(each, one.stopped);
      if (isLimit) setDisabled(ramp, true);
    },
  };
}
