// Tables that only show: nodes, errors, changes.

/** Return a card with a table; `columns` maps a heading to the cell's text and its kind. */
function newTable(title, area, columns, none) {
  const body = h("tbody");
  const empty = h("p", { class: "mm-none" }, none);
  const table = h(
    "table",
    {},
    h("caption", { class: "mm-hidden" }, title),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ...columns.map(([text, , kind]) => h("th", { scope: "col", class: kind }, text)),
      ),
    ),
    body,
  );
  return {
    element: card(title, area, table, empty),
    update(rows) {
      table.hidden = !rows.length;
      empty.hidden = Boolean(rows.length);
      while (body.rows.length > rows.length) body.deleteRow(-1);
      rows.forEach((row, place) => {
        const line = body.rows[place] ?? body.insertRow();
        columns.forEach(([, text, kind], column) => {
          const cell = line.cells[column] ?? line.insertCell();
          if (kind) cell.className = kind;
          setText(cell, text(row));
          setAttribute(cell, "title", cell.textContent);
        });
      });
    },
  };
}

/** Return the card of a search for capacity, which is there while there is one. */
function newSearch() {
  const bar = h("progress", { max: 1, "aria-label": "Share of the steps that are done" });
  const step = h("p", { class: "mm-step" });
  const known = h("p", { class: "mm-help" });
  const element = card("Search for capacity", "search", bar, step, known);
  element.hidden = true;
  return {
    element,
    update({ search }) {
      element.hidden = !search;
      if (!search) return;
      bar.value = search.share;
      element.classList.toggle("mm-found", search.is_over);
      setText(step, search.step);
      setText(known, search.known);
    },
  };
}

/** Return how a node is; of one that is gone since when, and how many users went with it. */
function stateOf({ state, left_at: leftAt, lost }) {
  if (leftAt == null) return state;
  const users = lost ? `, with ${whole(lost)} ${lost === 1 ? "user" : "users"}` : "";
  return `${state} at ${clock(leftAt)}${users}`;
}

/** Return the lag of a node; of one that is gone, when it was last heard. */
function lagOf({ lag, left_at: leftAt, heard_at: heardAt }) {
  if (leftAt == null) return lag ?? "–";
  return heardAt == null ? "never heard" : `last heard at ${clock(heardAt)}`;
}

const newNodes = () =>
  newTable(
    "Nodes",
    "nodes",
    [
      ["node", (node) => node.name],
      ["state", stateOf],
      ["users", (node) => whole(node.users), "mm-number"],
      ["cpu", (node) => cores(node.cpu), "mm-number"],
      ["loop lag", lagOf, "mm-number"],
    ],
    "No node yet.",
  );

const newErrors = () =>
  newTable(
    "Errors",
    "errors",
    [
      ["what", (error) => error.name],
      ["error", (error) => error.error, "mm-long"],
      ["count", (error) => whole(error.count), "mm-number"],
      ["users ended", (error) => whole(error.users), "mm-number"],
      ["last at", (error) => clock(error.at), "mm-number"],
    ],
    "Nothing has failed.",
  );

const newChanges = () =>
  newTable(
    "Changes",
    "changes",
    [
      ["at", (change) => clock(change.at), "mm-time"],
      ["what", (change) => change.what],
      ["old", (change) => change.old, "mm-long"],
      ["new", (change) => change.new, "mm-long"],
      ["before and after", (change) => change.effect, "mm-effect"],
    ],
    "No changes yet. Each one leaves a line in every chart.",
  );
