// The form of a scenario's settings, and one button that applies what was typed.

function newSettings(command, onTyped = () => {}) {
  const rows = h("div", { class: "mm-fields" });
  const apply = button("Apply", { kind: "primary", picture: "check", onclick: send });
  const discard = button("Discard", { onclick: () => (forget(), note()) });
  const pending = h("span", { class: "mm-help", role: "status" });
  const element = card("Settings", "settings", rows, h("div", { class: "mm-row mm-apply" }, apply, discard, pending));
  let fields = [];
  let shape = "";
  let isRunning = false;

  async function send() {
    setDisabled(apply, true);
    const outcome = await command("update", { settings: texts() });
    show(outcome.problems ?? {});
    if (!outcome.refused) forget();
    note();
  }

  function texts() {
    return Object.fromEntries(fields.filter((one) => one.isTyped).map((one) => [one.name, one.text]));
  }
  function forget() {
    for (const one of fields) one.discard();
  }
  function show(problems) {
    for (const one of fields) one.show(problems[one.name] ?? "");
    fields.find((one) => problems[one.name])?.element.scrollIntoView({ block: "nearest" });
  }
  function note() {
    const given = texts();
    const names = Object.keys(given);
    onTyped(given);
    for (const one of fields) one.element.classList.toggle("mm-typed", one.isTyped);
    const verb = isRunning ? "not applied yet" : "for Start";
    const count = names.length === 1 ? "1 change" : `${names.length} changes`;
    setText(pending, names.length ? `${count} ${verb}` : isRunning ? "all in force" : "used by Start");
    setAttribute(pending, "title", names.join(", "));
    setDisabled(apply, !names.length || !isRunning);
    setDisabled(discard, !names.length);
  }

  return {
    element,
    texts,
    show,
    discard: () => (forget(), note()),
    update(forms, name, runs) {
      isRunning = runs;
      const descriptions = forms[name]?.fields ?? [];
      const wanted = JSON.stringify([name, descriptions.map(({ text, ...rest }) => rest)]);
      if (wanted !== shape) {
        shape = wanted;
        fields = descriptions.map((one) => newField(one, note));
        rows.replaceChildren(...fields.map((one) => one.element));
      }
      fields.forEach((one, place) => one.update(descriptions[place], runs));
      note();
    },
  };
}
