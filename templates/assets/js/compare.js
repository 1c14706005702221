// Two layers beside each other: H with its interval, H of their units, H by depth, and all units in one order.
// The address keeps what is chosen: ?a=NETWORK/LAYER&b=NETWORK/LAYER, and of, order, show and colours. A network alone
// stands for its last layer.
(() => {
  "use strict";
  const box = document.querySelector(".wb-compare");
  if (!box) return;
  const { Grid, choice, colours, element, number, orders, picture, table } = window.wbGrid;
  const TARGET = 40, LEAST = 24; // pixels of a unit's side
  const SIDES = ["a", "b"], WORDS = { a: "First layer", b: "Second layer" };
  const SOURCES = [["weights", "full weights"], ["nmf", "NMF pictures"]];
  const SHOWN = [["per-unit", "factors, per unit"], ["joint", "factors, jointly"]];
  const HISTOGRAM = 0.05, WIDTH = 380, HEIGHT = 190, LEFT = 44, NAMES = 122, RIGHT = 12; // width of a bar; sizes of a chart

  // Charts: SVG, whose text is as large as the page's.
  const draw = (tag, attributes, parent, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    parent?.append(made);
    return made;
  };
  const chart = (parent, title, alternative) => {
    const figure = element("figure", "wb-compare-chart", parent);
    element("figcaption", "", figure).textContent = title;
    return draw("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": alternative }, figure);
  };
  const ticks = (low, high) => {
    const step = [0.05, 0.1, 0.2, 0.5].find((step) => (high - low) / step <= 6) ?? 0.5, found = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9; i++) found.push(i * step);
    return found;
  };
  const span = (values, step) => {
    const low = Math.min(0, ...values), high = Math.max(0, ...values);
    return [Math.floor(low / step - 1e-9) * step, Math.ceil(high / step + 1e-9) * step];
  };
  const tick = (value) => String(Number(value.toFixed(2))).replace("-", "−");
  const axis = (svg, [low, high], bottom, left = LEFT) => {
    const x = (h) => left + ((h - low) / (high - low)) * (WIDTH - left - RIGHT);
    for (const h of ticks(low, high)) {
      draw("line", { x1: x(h), x2: x(h), y1: 8, y2: bottom, class: h === 0 ? "wb-axis" : "wb-rule" }, svg);
      draw("text", { x: x(h), y: bottom + 14, "text-anchor": "middle" }, svg, tick(h));
    }
    draw("text", { x: (left + WIDTH - RIGHT) / 2, y: bottom + 30, "text-anchor": "middle" }, svg, "H (−1 columns, +1 rows)");
    return x;
  };
  const words = ([h, low, high] = []) => (h === null || h === undefined ? "not defined" : number(h) + (low === null ? "" : ` (${number(low)} to ${number(high)})`));

  const intervals = (parent, layers) => {
    const rows = SIDES.flatMap((side) => SOURCES.map(([source, name]) => [side, layers[side].H[source], name])).filter(([, found]) => found && found[0] !== null);
    const said = SIDES.map((side) => `${layers[side].name}: ${SOURCES.map(([source, name]) => `${words(layers[side].H[source])} on ${name}`).join(", ")}`);
    const svg = chart(parent, "H of the layers with 95 % intervals over units", `Banding index H. ${said.join("; ")}.`);
    if (!rows.length) { draw("text", { x: LEFT, y: 40 }, svg, "H is not defined for either layer."); return; }
    const x = axis(svg, span(rows.flatMap(([, found]) => found.filter((value) => value !== null)), 0.1), HEIGHT - 40, NAMES);
    rows.forEach(([side, [h, low, high], name], i) => {
      const y = 28 + (i * (HEIGHT - 66)) / rows.length, group = draw("g", { class: `wb-side-${side}` }, svg);
      if (low !== null) draw("line", { x1: x(low), x2: x(high), y1: y, y2: y, "stroke-width": 3 }, group);
      const dot = side === "a" ? draw("circle", { cx: x(h), cy: y, r: 5 }, group) : draw("rect", { x: x(h) - 4.5, y: y - 4.5, width: 9, height: 9 }, group);
      draw("title", {}, dot, `H ${words([h, low, high])}`);
      draw("text", { x: 2, y: y + 4 }, group, `${side.toUpperCase()}, ${name}`);
    });
  };

  const histogram = (parent, layers, units, source) => {
    const column = `H_${source}`, values = Object.fromEntries(SIDES.map((side) => [side, units[side].map((u) => u[column]).filter((h) => h !== null && h !== undefined)]));
    const about = SIDES.map((side) => {
      const sorted = [...values[side]].sort((a, b) => a - b), middle = sorted.length >> 1;
      const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
      return `${layers[side].name}: ${sorted.length ? `${sorted.length} units, median ${number(median)}` : "no unit has an H"}`;
    });
    const svg = chart(parent, `H of the single units, on ${SOURCES.find(([name]) => name === source)[1]}; A upwards, B downwards`, `Two histograms of H of single units on one axis. ${about.join("; ")}.`);
    const all = [...values.a, ...values.b];
    if (!all.length) { draw("text", { x: LEFT, y: 40 }, svg, "No unit of either layer has an H."); return; }
    const [low, high] = span(all, 0.1), bars = Math.round((high - low) / HISTOGRAM), x = axis(svg, [low, high], HEIGHT - 40), middle = (HEIGHT - 32) / 2;
    const shares = Object.fromEntries(SIDES.map((side) => {
      const counts = new Array(bars).fill(0);
      for (const h of values[side]) counts[Math.min(bars - 1, Math.floor((h - low) / HISTOGRAM + 1e-9))] += 1;
      return [side, counts.map((count) => count / Math.max(1, values[side].length))];
    }));
    const most = Math.max(...shares.a, ...shares.b);
    for (const side of SIDES) {
      const group = draw("g", { class: `wb-side-${side}` }, svg);
      shares[side].forEach((share, i) => {
        const height = (share / most) * (middle - 10), left = x(low + i * HISTOGRAM), right = x(low + (i + 1) * HISTOGRAM);
        if (share) draw("title", {}, draw("rect", { x: left + 0.5, y: side === "a" ? middle - height : middle, width: right - left - 1, height }, group), `${Math.round(100 * share)} % of units`);
      });
      draw("text", { x: 2, y: side === "a" ? middle - 12 : middle + 22 }, group, side.toUpperCase());
    }
    draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: middle, y2: middle, class: "wb-axis" }, svg);
    draw("text", { x: 2, y: 14 }, svg, `${Math.round(100 * most)} %`);
  };

  const depths = (parent, layers, source) => {
    const networks = SIDES.filter((side, i) => i === 0 || layers.b.model !== layers.a.model);
    const found = networks.map((side) => {
      const known = layers[side].model.layers;
      return [side, known.map((layer, i) => [known.length > 1 ? i / (known.length - 1) : 0.5, layer.H[source]?.[0] ?? null, layer]).filter(([, h]) => h !== null)];
    });
    const svg = chart(parent, `H by depth: the layers that can be compared, from first to last; rings are A and B`, `Lines of the layers' H by depth, of ${networks.map((side) => layers[side].model.title).join(" and ")}.`);
    const [low, high] = span(found.flatMap(([, points]) => points.map(([, h]) => h)), 0.1), bottom = HEIGHT - 24;
    if (high <= low) { draw("text", { x: LEFT, y: 40 }, svg, "No layer has an H."); return; }
    const x = (depth) => LEFT + 8 + depth * (WIDTH - LEFT - RIGHT - 16), y = (h) => bottom - 4 - ((h - low) / (high - low)) * (bottom - 18);
    for (const h of ticks(low, high)) {
      draw("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y(h), y2: y(h), class: h === 0 ? "wb-axis" : "wb-rule" }, svg);
      draw("text", { x: LEFT - 5, y: y(h) + 4, "text-anchor": "end" }, svg, tick(h));
    }
    draw("text", { x: x(0) - 8, y: HEIGHT - 6 }, svg, "first layer");
    draw("text", { x: WIDTH - RIGHT, y: HEIGHT - 6, "text-anchor": "end" }, svg, "last layer");
    for (const [side, points] of found) {
      const group = draw("g", { class: `wb-side-${side}` }, svg);
      draw("polyline", { points: points.map(([depth, h]) => `${x(depth)},${y(h)}`).join(" "), fill: "none", "stroke-width": 1.5 }, group);
      for (const [depth, h, layer] of points) {
        const place = { class: "wb-point" }, mark = side === "a" ? draw("circle", { ...place, cx: x(depth), cy: y(h), r: 3 }, group) : draw("rect", { ...place, x: x(depth) - 3, y: y(h) - 3, width: 6, height: 6 }, group);
        draw("title", {}, mark, `${layer.name}: H ${number(h)}`);
        for (const chosen of SIDES) {
          if (layers[chosen] !== layer) continue;
          const ring = draw("g", { class: `wb-side-${chosen}` }, svg);
          draw("circle", { cx: x(depth), cy: y(h), r: 7, class: "wb-ring" }, ring);
          draw("text", { x: x(depth), y: y(h) - 10, "text-anchor": "middle" }, ring, chosen.toUpperCase());
        }
      }
    }
  };

  const start = async () => {
    const answer = await fetch(box.dataset.index);
    if (!answer.ok) throw new Error(`${box.dataset.index}: ${answer.status}`);
    const models = await answer.json(), byKey = new Map();
    for (const model of models) {
      for (const layer of model.layers) {
        Object.assign(layer, { model, key: `${model.slug}/${layer.slug}`, folder: `${box.dataset.models}${model.slug}/${layer.slug}/` });
        byKey.set(layer.key, layer);
      }
      byKey.set(model.slug, model.layers.at(-1));
    }
    box.replaceChildren();
    const form = element("form", "wb-compare-choice", box), select = {};
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const side of SIDES) {
      const label = element("label", `wb-side-${side}`, form);
      label.append(`${WORDS[side]} (${side.toUpperCase()}) `);
      select[side] = element("select", "", label);
      for (const model of models) {
        const group = element("optgroup", "", select[side]);
        group.label = model.title;
        for (const layer of model.layers) group.append(new Option(`${layer.name} · ${model.title}`, layer.key));
      }
    }
    const swap = element("button", "", form);
    swap.type = "button"; swap.textContent = "Swap";
    const status = element("p", "", form);
    status.setAttribute("role", "status");
    const charts = element("div", "wb-compare-charts", box), controls = element("div", "wb-units-controls", box);
    const sides = element("div", "wb-compare-sides", box);
    const of = choice(controls, "H of units on", SOURCES, "of");
    const order = choice(controls, "Order by", orders(["index", "similarity_rank", "H_weights", "H_nmf", "norm"]), "order");
    const shown = choice(controls, "Show", SHOWN, "show"), lights = colours(controls);

    const loading = new Map();
    const once = (url, load) => {
      if (!loading.has(url)) loading.set(url, load(url).catch((error) => { loading.delete(url); throw error; }));
      return loading.get(url);
    };
    // The other side where the address leaves it open: the last layer of another network, or the layer before.
    const other = (layer) => models.find((model) => model !== layer.model)?.layers.at(-1) ?? layer.model.layers[Math.max(0, layer.model.layers.indexOf(layer) - 1)];
    const chosen = () => {
      const address = new URLSearchParams(location.search), layers = {}, missing = [];
      for (const side of SIDES) {
        const key = address.get(side);
        layers[side] = byKey.get(key);
        if (key && !layers[side]) missing.push(key);
      }
      layers.a ??= layers.b ? other(layers.b) : models[0].layers.at(-1);
      layers.b ??= other(layers.a);
      return [layers, missing];
    };

    const column = (side, layer, units, sprite, scale) => {
      const part = element("section", `wb-side-${side}`, sides), head = element("h2", "", part), link = element("a", "", head);
      part.setAttribute("aria-label", `${WORDS[side]}: ${layer.name} of ${layer.model.title}`);
      head.prepend(`${side.toUpperCase()} `);
      link.href = layer.folder;
      link.textContent = layer.name;
      head.append(` · ${layer.model.title}`);
      const facts = element("dl", "wb-facts", part);
      for (const [name, value] of [["Kind", layer.kind], ["Inputs → units", `${layer.inputs} → ${units.length}`], ["H, full weights", words(layer.H.weights)], ["H, NMF pictures", words(layer.H.nmf)]]) {
        const pair = element("div", "", facts);
        element("dt", "", pair).textContent = name;
        element("dd", "", pair).textContent = value;
      }
      const [kw, kh] = layer.tile;
      const paint = (context, u, x, y, size) => {
        context.imageSmoothingEnabled = false;
        context.drawImage(sprite, (u.index % layer.columns) * kw, Math.floor(u.index / layer.columns) * kh, kw, kh, x, y, kw * size, kh * size);
      };
      const label = `The ${units.length} units of ${layer.name} of ${layer.model.title}. Arrow keys move between units, Enter opens one on its layer's page.`;
      const grid = new Grid(element("div", "wb-units", part), units, layer.tile, scale, label, paint, (u, way) => {
        if (way !== "key") location.assign(`${layer.folder}#unit-${u.unit}`);
      });
      grid.canvas.classList.toggle("wb-nmf", !layer.sprites.kernels);
      grid.sort(order.value);
      grid.box.dataset.drawn = "true";
    };

    let turn = 0;
    const show = async () => {
      const now = ++turn, [layers, missing] = chosen();
      for (const side of SIDES) select[side].value = layers[side].key;
      const files = SIDES.map((side) => {
        const { folder, sprites } = layers[side];
        return Promise.all([once(`${folder}unit-grid.csv`, table), once(folder + (sprites[shown.value] ?? sprites.kernels), picture)]);
      });
      const found = await Promise.all(files);
      if (now !== turn) return; // the reader has chosen again
      const units = Object.fromEntries(SIDES.map((side, i) => [side, found[i][0]]));
      const common = orders(...SIDES.map((side) => Object.keys(units[side][0]))).map(([name]) => name);
      for (const option of order.options) option.disabled = !common.includes(option.value);
      if (order.selectedOptions[0].disabled) order.value = "index";
      lights.box.hidden = SIDES.every((side) => layers[side].sprites.kernels);
      charts.replaceChildren();
      intervals(charts, layers);
      histogram(charts, layers, units, of.value);
      depths(charts, layers, of.value);
      sides.replaceChildren();
      const lengths = SIDES.flatMap((side) => layers[side].tile);
      const scale = Math.max(1, Math.min(...SIDES.map((side) => Math.round(TARGET / Math.max(...layers[side].tile)))), Math.ceil(LEAST / Math.min(...lengths)));
      SIDES.forEach((side, i) => column(side, layers[side], units[side], found[i][1], scale));
      const named = SIDES.map((side) => `${layers[side].name} of ${layers[side].model.title}`).join(" and ");
      status.textContent = (missing.length ? `This site has no layer ${missing.join(" and no ")}. ` : "") + `Shown: ${named}.`;
      box.dataset.shown = SIDES.map((side) => layers[side].key).join(" ");
    };
    const failed = (error) => { status.textContent = `The layers could not be loaded (${error.message}).`; };
    const put = (a, b) => {
      const address = new URL(location.href), params = address.searchParams;
      params.set("a", a); params.set("b", b);
      address.search = params.toString().replaceAll("%2F", "/");
      history.pushState(null, "", address);
      show().catch(failed);
    };
    for (const side of SIDES) select[side].addEventListener("change", () => put(select.a.value, select.b.value));
    swap.addEventListener("click", () => put(select.b.value, select.a.value));
    for (const menu of [of, order, shown]) menu.addEventListener("change", () => show().catch(failed));
    window.addEventListener("popstate", () => show().catch(failed));
    await show();
  };

  start().catch((error) => { box.textContent = `The layers could not be compared (${error.message}). Their own pages are listed below.`; });
})();
