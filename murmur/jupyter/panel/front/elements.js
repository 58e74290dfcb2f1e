// Elements, icons and ids: what the other parts are made of.
//
// All parts share the scope of one module; `_bundle.py` puts them together.

// Every panel has this module for itself, and a page must have each id only once.
const panelId = Math.random().toString(36).slice(2, 8);
let issued = 0;
const newId = (stem) => `murmur-${panelId}-${stem}-${++issued}`;

/** Return an element; `on…` are listeners, true is an attribute without a value. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const PATHS = {
  play: "M5 3.5v9l7.5-4.5z",
  stop: "M4 4h8v8H4z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  ramp: "M2 13 L13 3 V13 Z",
  check: "M6.5 12 2.5 8l1.4-1.4 2.6 2.6 5.6-5.6L13.5 5z",
  snow: "M7.3 1h1.4v4l2.8-2.8 1 1L9.7 6h3.8v1.4H9.7L12.5 10.200l-1 1L8.7 8.400V15H7.3V8.400L4.500 11.200l-1-1L6.300 7.400H1.5V6h4.800L3.500 3.200l1-1L7.3 5z",
  code: "M5.5 4 1.5 8l4 4 1.200-1.200L3.900 8l2.8-2.8zM10.500 4 9.300 5.200 12.100 8l-2.8 2.8 1.200 1.200 4-4z",
  lock: "M5 7V5a3 3 0 0 1 6 0v2h1v6H4V7zm1.5 0h3V5a1.5 1.5 0 0 0-3 0z",
};

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "mm-icon");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Return a button; who cannot see it hears `text`, and what `label` adds. */
function button(text, { kind = "plain", picture, label, onclick }) {
  const name = label && `${text}: ${label}`; // begins with the word that can be seen
  return h(
    "button",
    { type: "button", class: `mm-button mm-${kind}`, title: name, "aria-label": name, onclick },
    picture ? icon(picture) : null,
    h("span", {}, text),
  );
}

/** Return a card with a heading. */
function card(title, area, ...children) {
  const id = newId("card");
  return h(
    "section",
    { class: `mm-card mm-${area}`, "aria-labelledby": id },
    h("h3", { id }, ...[title].flat()),
    ...children,
  );
}

// Only what differs is written: a page that is left alone costs no layout.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function setAttribute(element, name, value) {
  if (value == null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}
function setDisabled(element, isDisabled) {
  if (element.disabled !== isDisabled) element.disabled = isDisabled;
}
/** Set what an input holds, unless somebody is typing there. */
function setValue(input, value) {
  if (input !== document.activeElement && input.value !== value) input.value = value;
}
