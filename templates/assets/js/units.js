// The grid of a layer's units: one canvas, whole pixels, orders, hover, permalinks #unit-N.
// Tells the panel of the chosen unit with the event wb-unit, and takes steps to its neighbours with wb-step.
(() => {
  "use strict";
  const GAP = 4, TARGET = 40, EDGE = 2;

  const parse = (text) => {
    const [head, ...lines] = text.trim().split("\n").map((line) => line.trim().split(","));
    return lines.map((cells) => Object.fromEntries(head.map((name, i) => [name, cells[i] === "" ? null : Number(cells[i])])));
  };
  const picture = (url) => new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(`${url} could not be loaded`));
    image.src = url;
  });
  const element = (tag, className, parent) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    parent?.append(made);
    return made;
  };
  const number = (value) => (value === null || Number.isNaN(value) ? "–" : value.toFixed(3).replace("-", "−"));

  const ORDERS = [
    ["index", "unit number", (u) => u.index],
    ["similarity", "similarity", (u) => u.similarity_rank],
    ["H_weights", "banding index, full weights", (u) => -(u.H_weights ?? -2)],
    ["H_nmf", "banding index, NMF pictures", (u) => -(u.H_nmf ?? -2)],
    ["norm", "norm", (u) => -(u.norm ?? 0)],
  ];

  const describe = (u) => {
    const parts = [`unit ${u.unit}` + (u.unit === u.index ? "" : ` (${u.index} in the layer)`)];
    if ("H_weights" in u) parts.push(`H ${number(u.H_weights)}` + ("H_nmf" in u ? `, on the picture ${number(u.H_nmf)}` : ""));
    if ("norm" in u) parts.push(`norm ${number(u.norm)}`);
    if ("error" in u) parts.push(`error ${number(u.error)}`);
    return parts;
  };

  const choice = (parent, label, options) => {
    const box = element("label", "", parent);
    box.append(label + " ");
    const select = element("select", "", box);
    for (const [value, text] of options) { const option = element("option", "", select); option.value = value; option.textContent = text; }
    return select;
  };

  const start = async (box) => {
    const [kw, kh] = box.dataset.tile.split(" ").map(Number);
    const columns = Number(box.dataset.columns);
    const [pw, ph] = (box.dataset.pictureTile ?? "0 0").split(" ").map(Number);
    const pictured = { count: Number(box.dataset.pictureCount), columns: Number(box.dataset.pictureColumns) };
    const names = { sprite: box.dataset.spriteJoint ? "factors, per unit" : "kernels", "sprite-joint": "factors, jointly", "sprite-pictures": "what excites them" };
    const shown = Object.keys(names).filter((name) => box.hasAttribute(`data-${name}`));
    const sheets = {};
    const fetchSheet = async (name) => { if (name) sheets[name] ??= await Promise.all(box.getAttribute(`data-${name}`).split(" ").map(picture)); };
    await Promise.all(shown.filter((name, i) => i === 0 || name !== "sprite-pictures").map(fetchSheet));
    const answer = await fetch(box.dataset.url);
    if (!answer.ok) throw new Error(`${box.dataset.url}: ${answer.status}`);
    const units = parse(await answer.text());
    const label = box.getAttribute("aria-label");
    box.textContent = "";
    box.removeAttribute("role");
    box.removeAttribute("aria-label");

    const controls = element("div", "wb-units-controls", box);
    const orders = ORDERS.filter(([key]) => key === "index" || (key === "similarity" ? "similarity_rank" : key) in units[0]).map(([key, text]) => [key, text]);
    const order = orders.length > 1 ? choice(controls, "Order by", orders) : null;
    const mode = shown.length > 1 ? choice(controls, "Show", shown.map((name) => [name, names[name]])) : null;
    const chosen = element("div", "wb-units-chosen", box);
    chosen.textContent = "Click a unit for its picture, its numbers and its address.";
    chosen.setAttribute("aria-live", "polite");
    const canvas = element("canvas", "", box);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${label} Arrow keys move between units, Enter chooses one.`);
    const tip = element("div", "wb-units-tip", box);
    tip.hidden = true;

    const scale = Math.max(1, Math.round(TARGET / Math.max(kw, kh)));
    const stepX = kw * scale + GAP, stepY = kh * scale + GAP;
    let sorted = units, across = 1, current = null, cursor = 0, colours = {};
    const panel = document.querySelector(".wb-unitpanel");
    const tile = (context, u, x, y, size) => {
      const name = mode?.value ?? shown[0], kernels = name && name !== "sprite-pictures";
      const width = kw * size, height = kh * size;
      const [w, h, across] = kernels ? [kw, kh, columns] : [pw, ph, pictured.columns];
      const sheet = sheets[name]?.[kernels ? 0 : Math.floor(u.index / pictured.count)], place = kernels ? u.index : u.index % pictured.count;
      const part = kernels ? 1 : Math.min(width / w, height / h) / Math.max(width / w, height / h), long = w / width > h / height;
      const [dw, dh] = kernels ? [width, height] : long ? [width, height * part] : [width * part, height];
      context.imageSmoothingEnabled = !kernels;
      context.imageSmoothingQuality = "high";
      if (!kernels) { // a unit without a picture is its number
        context.fillStyle = colours.card; context.fillRect(x, y, width, height);
        context.fillStyle = colours.muted; context.font = `${Math.min(12, width / 3)}px sans-serif`;
        context.textAlign = "center"; context.textBaseline = "middle"; context.fillText(u.unit, x + width / 2, y + height / 2);
      }
      if (sheet) context.drawImage(sheet, (place % across) * w, Math.floor(place / across) * h, w, h, x + (width - dw) / 2, y + (height - dh) / 2, dw, dh);
    };

    const draw = () => {
      const width = box.clientWidth, ratio = Math.max(1, Math.round(window.devicePixelRatio || 1));
      across = Math.max(1, Math.floor((width - 2 * EDGE + GAP) / stepX));
      const rows = Math.ceil(sorted.length / across);
      const w = Math.min(across, sorted.length) * stepX - GAP + 2 * EDGE, h = rows * stepY - GAP + 2 * EDGE;
      canvas.width = w * ratio; canvas.height = h * ratio;
      canvas.style.width = `${w}px`; canvas.style.height = `${h}px`;
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      const style = getComputedStyle(box);
      colours = Object.fromEntries(["accent", "card", "muted"].map((name) => [name, style.getPropertyValue(`--wb-${name}`)]));
      sorted.forEach((u, i) => {
        const x = (i % across) * stepX + EDGE, y = Math.floor(i / across) * stepY + EDGE;
        tile(context, u, x, y, scale);
        if (u === current || (i === cursor && document.activeElement === canvas)) {
          context.strokeStyle = colours.accent; context.lineWidth = u === current ? 3 : 1.5;
          context.strokeRect(x - 1, y - 1, kw * scale + 2, kh * scale + 2);
        }
      });
    };
    const at = (event) => {
      const x = event.offsetX - EDGE, y = event.offsetY - EDGE;
      if (x < 0 || y < 0 || Math.floor(x / stepX) >= across || x % stepX >= kw * scale || y % stepY >= kh * scale) return -1;
      const i = Math.floor(y / stepY) * across + Math.floor(x / stepX);
      return i < sorted.length ? i : -1;
    };
    const show = () => {
      if (current === null) return;
      chosen.textContent = "";
      const large = element("canvas", "", chosen), size = Math.max(1, Math.round(96 / Math.max(kw, kh)));
      large.width = kw * size; large.height = kh * size;
      const context = large.getContext("2d");
      tile(context, current, 0, 0, size);
      const text = element("div", "", chosen);
      const link = element("a", "", text);
      link.href = `#unit-${current.unit}`;
      link.textContent = describe(current)[0];
      for (const part of describe(current).slice(1)) element("div", "", text).textContent = part;
    };
    const choose = (u, move, missing) => {
      current = u;
      cursor = Math.max(0, sorted.indexOf(u));
      show(); draw();
      if (move && !(panel && u)) box.scrollIntoView({ block: "start" });
      box.dispatchEvent(new CustomEvent("wb-unit", { detail: { index: u?.index ?? null, unit: u?.unit ?? null, go: move, missing } }));
    };
    const visit = (i, move) => { history.replaceState(null, "", `#unit-${sorted[i].unit}`); choose(sorted[i], move); };
    const fromAddress = (move) => {
      const match = /^#unit-(\d+)$/.exec(location.hash);
      if (!match) return;
      const found = units.find((u) => u.unit === Number(match[1])) ?? null;
      const missing = `There is no unit ${match[1]} in this layer: its units are ${units[0].unit} to ${units.at(-1).unit}.`;
      choose(found, move, missing);
      if (!found) chosen.textContent = missing;
    };
    const sort = () => {
      const rank = ORDERS.find(([key]) => key === order.value)[2];
      sorted = [...units].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
      cursor = current ? sorted.indexOf(current) : 0;
      draw();
    };

    canvas.addEventListener("pointermove", (event) => {
      const i = at(event);
      tip.hidden = i < 0;
      if (i < 0) return;
      tip.textContent = "";
      for (const part of describe(sorted[i])) element("div", "", tip).textContent = part;
      const left = Math.min(canvas.offsetLeft + event.offsetX + 14, box.clientWidth - tip.offsetWidth);
      tip.style.left = `${Math.max(0, left)}px`;
      tip.style.top = `${canvas.offsetTop + event.offsetY + 16}px`;
    });
    canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
    canvas.addEventListener("click", (event) => { const i = at(event); if (i >= 0) visit(i, Boolean(panel)); });
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
      if (step) { cursor = Math.min(sorted.length - 1, Math.max(0, cursor + step)); choose(sorted[cursor]); event.preventDefault(); }
      if (event.key === "Enter") visit(cursor, Boolean(panel));
    });
    box.addEventListener("wb-step", (event) => visit(Math.min(sorted.length - 1, Math.max(0, cursor + event.detail)), false));
    canvas.addEventListener("focus", draw);
    canvas.addEventListener("blur", draw);
    order?.addEventListener("change", sort);
    mode?.addEventListener("change", () => fetchSheet(mode.value).then(() => { show(); draw(); }));
    window.addEventListener("hashchange", () => fromAddress(true));
    new ResizeObserver(draw).observe(box);
    draw();
    fromAddress(true);
    box.dataset.drawn = "true";
  };

  for (const box of document.querySelectorAll(".wb-units")) {
    start(box).catch((error) => { box.textContent = `The units could not be drawn (${error.message}). Pictures and data are linked below.`; });
  }
})();
