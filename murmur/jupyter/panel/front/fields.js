// One setting of the form: an input of its kind, its help, and what is wrong with it.

/**
 * Return a field: its element, what was typed, and ways to show news.
 * The input keeps what a person typed until it is applied or discarded.
 */
function newField(description, onTyped) {
  const ids = { input: newId("field"), help: newId("help"), problem: newId("problem") };
  const input = inputOf(description, ids, () => {
    show("");
    onTyped();
  });
  const mark = h("span", { class: "mm-tag" });
  const problem = h("div", { class: "mm-problem", id: ids.problem, role: "alert", hidden: true });
  const element = h(
    "div",
    { class: "mm-field", title: `${description.help} (${description.accepts})` },
    h(
      "div",
      { class: "mm-label" },
      h("label", { for: ids.input }, description.name),
      description.required ? h("span", { class: "mm-required" }, "required") : null,
      mark,
      h("div", { class: "mm-help", id: ids.help }, description.help),
    ),
    h("div", { class: "mm-input" }, input.element),
    problem,
  );
  let inForce = description.text;

  function show(text) {
    problem.hidden = !text;
    setText(problem, text);
    setAttribute(input.main, "aria-invalid", text ? "true" : null);
    element.classList.toggle("mm-refused", Boolean(text));
  }

  return {
    element,
    name: description.name,
    show,
    get isTyped() {
      return input.get() !== (description.kind === "password" ? "" : inForce);
    },
    get text() {
      return input.get();
    },
    discard() {
      show("");
      input.set(description.kind === "password" ? "" : inForce);
      element.classList.remove("mm-typed");
    },
    /** Take in what is in force; what was typed and differs stays. */
    update({ text, live }, isRunning) {
      const keeps = this.isTyped;
      inForce = text;
      if (!keeps && description.kind !== "password") input.set(text);
      const isLocked = isRunning && !live;
      if (isLocked && keeps) this.discard();
      setText(mark, live ? "live" : "");
      element.classList.toggle("mm-locked", isLocked);
      element.classList.toggle("mm-typed", this.isTyped);
      input.disable(isLocked);
    },
  };
}

function inputOf(description, ids, onTyped) {
  const attributes = {
    id: ids.input,
    "aria-describedby": `${ids.help} ${ids.problem}`,
    autocomplete: "off",
    spellcheck: "false",
  };
  switch (description.kind) {
    case "slider":
      return slider(description, attributes, onTyped);
    case "checkbox":
      return checkbox(attributes, description, onTyped);
    case "select":
      return plain(
        h(
          "select",
          { ...attributes, onchange: onTyped },
          ...description.choices.map((choice) => h("option", { value: choice }, choice)),
        ),
        description.text,
      );
    default: {
      const isSecret = description.kind === "password";
      const more = {
        type: isSecret ? "password" : "text",
        inputmode: description.kind === "number" ? "decimal" : null,
        placeholder: isSecret ? "as it is" : description.required ? "needs a value" : null,
        autocomplete: isSecret ? "new-password" : "off",
        oninput: onTyped,
      };
      return plain(h("input", { ...attributes, ...more }), description.text);
    }
  }
}

function plain(element, text) {
  element.value = text;
  return {
    element,
    main: element,
    get: () => element.value,
    set: (value) => setValue(element, value),
    disable: (isDisabled) => setDisabled(element, isDisabled),
  };
}

function checkbox(attributes, description, onTyped) {
  const element = h("input", { ...attributes, type: "checkbox", onchange: onTyped });
  element.checked = description.text === "true";
  return {
    element,
    main: element,
    get: () => String(element.checked),
    set: (value) => (element.checked = value === "true"),
    disable: (isDisabled) => setDisabled(element, isDisabled),
  };
}

/** A slider, and the number beside it for who wants it exactly. */
function slider({ name, min, max, step, text }, attributes, onTyped) {
  const number = h("input", { ...attributes, type: "text", inputmode: "decimal" });
  const range = h("input", { type: "range", min, max, step, "aria-label": `${name}, slider` });
  const follow = () => (range.value = number.value);
  number.value = text;
  follow();
  number.addEventListener("input", () => (follow(), onTyped()));
  range.addEventListener("input", () => ((number.value = range.value), onTyped()));
  return {
    element: h("div", { class: "mm-slider" }, range, number),
    main: number,
    get: () => number.value,
    set: (value) => (setValue(number, value), follow()),
    disable: (isDisabled) => (setDisabled(number, isDisabled), setDisabled(range, isDisabled)),
  };
}
