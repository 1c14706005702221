// The theme's search, with units before what it finds: "mixed4c 447" and "unit 67" name units, which no index lists.
// A layer whose whole name is given comes before those whose names only begin with it.
// Its address ends in that of the theme's own worker; layers.js has a line for every layer with units to show.
// A site that is read from a folder runs it in a frame, whose own address is the page's, and links to files.
"use strict";
const here = new URL(self.document?.currentScript.src ?? location.href);
const INDEX = here.protocol === "file:" ? "index.html" : "";
const ABOUT = new Set(["unit", "units", "neuron", "channel", "filter", "layer", "of", "in"]);
const MOST = 12;
const FIRST = 1e9; // a score above the theme's own: Enter leads to the highest
const RESULT = 3; // the theme's message with what a query found; QUERY comes before it
const QUERY = 2;
let query = "";

const wordsOf = (text) => text.toLowerCase().split(/[\s,:#/*"+]+/).filter((word) => word && !ABOUT.has(word));

// The theme shows titles as HTML.
const escaped = (text) => text.replace(/[&<>"']/g, (letter) => `&#${letter.charCodeAt(0)};`);

// Units that a query names by number, of layers that it names as well or of any; first where the whole name is given.
const units = (words) => {
  const number = words.find((word) => /^\d+$/.test(word));
  if (number === undefined) return [];
  const names = words.filter((word) => word !== number), unit = Number(number);
  const rank = ([, layer]) => (names.includes(layer.toLowerCase()) ? 0 : names.some((word) => layer.toLowerCase().startsWith(word)) ? 1 : 2);
  return self.wbsiteLayers
    .filter(([, , , start, stop]) => start <= unit && unit < stop)
    .filter(([, layer, model]) => names.every((word) => `${layer} ${model}`.toLowerCase().includes(word)))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MOST)
    .map(([page, layer, model]) => [{ location: `${page}${INDEX}#unit-${unit}`, title: escaped(`Unit ${unit} of ${layer} · ${model}`), text: "", score: FIRST, terms: {} }]);
};

addEventListener("message", ({ data }) => { if (data.type === QUERY) query = data.data; });
const answer = self.postMessage.bind(self);
self.postMessage = (message) => {
  if (message.type === RESULT && message.data.items.every(Array.isArray)) { // Zensical's results are of another form
    const { items } = message.data, words = wordsOf(query);
    const named = new Set(self.wbsiteLayers.filter(([, layer]) => words.includes(layer.toLowerCase())).map(([page]) => page));
    const whole = ([{ location }]) => Number(named.has(location.replace(/(index\.html)?(#.*)?$/, "")));
    for (const item of items) item[0].score += whole(item) * FIRST / 2;
    items.sort((a, b) => b[0].score - a[0].score);
    items.unshift(...units(words));
  }
  answer(message);
};
importScripts(...["../../layers.js", `search.${here.search.slice(1)}`].map((name) => new URL(name, here).href));
