// Draws every chart of the report in the element that bears its name.
// A module, so that its names do not meet the one-letter globals of the bundle before it.
const { promise } = globalThis.__murmur_vega;
const charts = JSON.parse(document.getElementById("charts").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
const options = {
  ast: true, // expressions are interpreted: the page's policy forbids making code of text
  renderer: "svg",
  actions: { export: true, source: false, compiled: false, editor: false },
  tooltip: { theme: dark ? "dark" : "light" },
};
for (const [name, spec] of Object.entries(charts)) {
  const place = document.getElementById(name);
  const drawn = promise.then((vegaEmbed) => vegaEmbed(place, spec, options));
  drawn.catch((error) => {
    place.textContent = `This chart cannot be drawn: ${error.message}`;
  });
}
