// The few numbers that are read from across the room.

const STATES = ["running", "waiting", "leaving"];

function newFigures() {
  const users = newUsers();
  const throughput = figure("Throughput", "actions/s");
  const median = figure("Response time p50");
  const slow = figure("Response time p99");
  const failed = figure("Failed", "%");
  const health = newVerdict();
  const element = h(
    "div",
    { class: "mm-figures", role: "group", "aria-label": "Figures of the last ten seconds" },
    users.element,
    ...[throughput, median, slow, failed, health].map((one) => one.element),
  );
  return {
    element,
    doubt: health.doubt,
    update(news) {
      const { users: counts, figures } = news;
      users.update(counts);
      throughput.update(rate(figures.rate), `${whole(figures.total)} in all`);
      median.update(...split(figures.p50), "of successful actions");
      slow.update(...split(figures.p99), "1 in 100 is slower");
      const gone = figures.failed_users ? `, ${numberOf(figures.failed_users, "user")} failed` : "";
      const share = figures.share == null ? ["–", ""] : [percent(figures.share), "%"];
      failed.update(...share, `${whole(figures.failed_total)} in all${gone}`);
      failed.element.classList.toggle("mm-bad", figures.share > 0.01 || Boolean(gone));
      health.update(news);
    },
  };
}

/** Return the card of the verdict: of when it is, or that it is not known any more. */
function newVerdict() {
  const { element, label, update } = figure("Verdict");
  let latest = null;
  let doubt = ""; // as `newContact` has it
  function show() {
    if (!latest) return;
    const { state, verdict, health } = latest;
    const { state: word, at } = verdict ?? { state: "–" };
    const isSilent = health.pace === "no news";
    const isLost = Boolean(doubt) && (!isOver(state) || word === "being judged");
    const isKnown = !isSilent && !isLost;
    const last = at == null ? "not judged" : `${word} at ${clock(at)}`;
    label(isKnown && at != null ? `Verdict at ${clock(at)}` : "Verdict");
    if (isLost) update("unknown", "", last);
    else if (isSilent) update("unknown", health.pace, `${health.note}; ${last}`);
    else update(word, health.pace, health.note);
    element.classList.toggle("mm-bad", isKnown && word === "invalid");
    element.classList.toggle("mm-late", isSilent || Boolean(health.warning));
  }
  return {
    element,
    update(news) {
      latest = news;
      show();
    },
    doubt(word) {
      doubt = word;
      show();
    },
  };
}

/** Return number, and unit as the page shows it; a duration comes as one text. */
const split = (text) => (text ? text.split(" ") : ["–", ""]);

function figure(label, fixed = "") {
  const caption = h("div", { class: "mm-caption" }, label);
  const value = h("span", { class: "mm-value" }, "–");
  const unit = h("span", { class: "mm-unit" }, fixed);
  const note = h("div", { class: "mm-help" });
  return {
    element: h(
      "div",
      { class: "mm-card mm-figure" },
      caption,
      h("div", {}, value, unit),
      note,
    ),
    label: (text) => setText(caption, text),
    update(text, ...rest) {
      setText(value, text);
      if (rest.length > 1) setText(unit, rest[0]);
      setText(note, rest.at(-1));
      setAttribute(note, "title", rest.at(-1));
    },
  };
}

/** Return the card of users: how many run, of how many, and a bar of what the others do. */
function newUsers() {
  const value = h("span", { class: "mm-value" }, "0");
  const unit = h("span", { class: "mm-unit" });
  const parts = Object.fromEntries(STATES.map((name) => [name, h("i", { class: `mm-${name}` })]));
  const bar = h("div", { class: "mm-bar", role: "img" }, ...Object.values(parts));
  const note = h("div", { class: "mm-help" });
  return {
    element: h(
      "div",
      { class: "mm-card mm-figure" },
      h("div", { class: "mm-caption" }, "Users running"),
      h("div", {}, value, unit),
      bar,
      note,
    ),
    update(counts) {
      setText(value, whole(counts.running));
      setText(unit, `of ${whole(counts.target)}`);
      const present = STATES.reduce((sum, name) => sum + counts[name], 0);
      const most = Math.max(present, counts.target, 1);
      for (const name of STATES) parts[name].style.width = `${(100 * counts[name]) / most}%`;
      const words = ["waiting", "leaving", "gone"].map((name) => `${whole(counts[name])} ${name}`);
      setText(note, words.join(", "));
      setAttribute(bar, "aria-label", `${whole(counts.running)} running, ${words.join(", ")}`);
    },
  };
}
