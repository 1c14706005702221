// A layer's units as one canvas of whole pixels: orders, hover, keyboard, colours. For units.js and compare.js.
(() => {
  "use strict";
  const GAP = 4, EDGE = 2;
  const NMF = ["sprite", "sprite-joint"];
  // Three lights of one luminance that add up to white: what red, green and blue become in even brightness. Of all
  // such, those farthest apart in OKLab for usual, red-blind and green-blind eyes (Machado et al. 2009). Linear light.
  const EVEN = [[0.698, 0.047, 0.255], [0.258, 0.425, 0.317], [0.003, 0.267, 0.73]];

  const element = (tag, className, parent) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    parent?.append(made);
    return made;
  };
  const number = (value) => (value === null || Number.isNaN(value) ? "–" : value.toFixed(3).replace("-", "−"));
  const table = async (url) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    const [head, ...lines] = (await answer.text()).trim().split("\n").map((line) => line.trim().split(","));
    return lines.map((cells) => Object.fromEntries(head.map((name, i) => [name, cells[i] === "" ? null : Number(cells[i])])));
  };
  const picture = (url) => new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = () => reject(new Error(`${url} could not be loaded`));
    image.src = url;
  });

  const ORDERS = [
    ["index", "unit number", (u) => u.index, "index"],
    ["similarity", "similarity", (u) => u.similarity_rank, "similarity_rank"],
    ["H_weights", "banding index, full weights", (u) => -(u.H_weights ?? -2), "H_weights"],
    ["H_nmf", "banding index, NMF pictures", (u) => -(u.H_nmf ?? -2), "H_nmf"],
    ["norm", "norm", (u) => -(u.norm ?? 0), "norm"],
  ];
  // Names and words of the orders that tables of these columns have in common.
  const orders = (...tables) => ORDERS.filter(([, , , column]) => tables.every((columns) => columns.includes(column))).map(([name, words]) => [name, words]);
  const sorted = (units, name) => {
    const rank = ORDERS.find(([order]) => order === name)[2];
    return [...units].sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  };
  const describe = (u) => {
    const parts = [`unit ${u.unit}` + (u.unit === u.index ? "" : ` (${u.index} in the layer)`)];
    if ("H_weights" in u) parts.push(`H ${number(u.H_weights)}` + ("H_nmf" in u ? `, on the picture ${number(u.H_nmf)}` : ""));
    if ("norm" in u) parts.push(`norm ${number(u.norm)}`);
    if ("error" in u) parts.push(`error ${number(u.error)}`);
    return parts;
  };

  // A labelled menu, whose choice is in the address under a name if it has one.
  const choice = (parent, label, options, name) => {
    const box = element("label", "", parent), select = element("select", "", (box.append(label + " "), box));
    for (const [value, text] of options) { const option = element("option", "", select); option.value = value; option.textContent = text; }
    if (!name) return select;
    const wanted = new URLSearchParams(location.search).get(name);
    if (options.some(([value]) => value === wanted)) select.value = wanted;
    select.addEventListener("change", () => {
      const address = new URL(location.href);
      if (select.value === options[0][0]) address.searchParams.delete(name);
      else address.searchParams.set(name, select.value);
      history.replaceState(history.state, "", address);
    });
    return select;
  };

  // The menu of colours for NMF pictures, and what the three factors look like in them.
  const colours = (parent) => {
    const box = element("div", "wb-colours", parent);
    const select = choice(box, "Colours", [["plain", "red, green, blue"], ["even", "even brightness"]], "colours");
    const legend = element("span", "wb-colours-legend", box);
    legend.setAttribute("role", "img");
    for (const light of ["#f00", "#0f0", "#00f"]) element("i", "wb-nmf", legend).style.background = light;
    if (!document.getElementById("wb-even")) {
      const rows = EVEN.map((row) => `${row.join(" ")} 0 0`).join(" ");
      const holder = element("div", "wb-unseen", document.body);
      holder.innerHTML = `<svg aria-hidden="true" width="0" height="0"><filter id="wb-even" color-interpolation-filters="linearRGB" x="0" y="0" width="1" height="1"><feColorMatrix values="${rows} 0 0 0 1 0"/></filter></svg>`;
    }
    const apply = () => {
      const even = select.value === "even";
      document.documentElement.classList.toggle("wb-even", even);
      legend.setAttribute("aria-label", even ? "The three factors: orange, green and violet of one brightness." : "The three factors: red, green and blue.");
    };
    select.addEventListener("change", apply);
    apply();
    return { box, select, apply };
  };

  class Grid {
    // paint(context, unit, x, y, scale, style) draws a unit; choose(unit, way) hears of "pointer", "key" or "enter".
    constructor(box, units, [kw, kh], scale, label, paint, choose) {
      Object.assign(this, { box, units, kw, kh, scale, paint, sorted: units, across: 1, current: null, cursor: 0 });
      this.stage = element("div", "wb-units-stage", box);
      this.canvas = element("canvas", "", this.stage);
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "listbox");
      this.canvas.setAttribute("aria-label", label);
      this.option = element("div", "", this.canvas); // for screen readers: the unit at the cursor
      this.option.id = `wb-unit-option-${document.querySelectorAll(".wb-units-stage").length}`;
      this.option.setAttribute("role", "option");
      this.option.setAttribute("aria-setsize", units.length);
      this.canvas.setAttribute("aria-activedescendant", this.option.id);
      this.ring = element("i", "wb-units-ring", this.stage);
      this.tip = element("div", "wb-units-tip", this.stage);
      this.tip.hidden = true;
      this.listen(choose);
      new ResizeObserver(() => this.draw()).observe(box);
      this.draw();
    }
    static across(width, side) { return Math.max(1, Math.floor((width - 2 * EDGE + GAP) / (side + GAP))); }
    static height(count, width, w, h) { return Math.ceil(count / Grid.across(width, w)) * (h + GAP) - GAP + 2 * EDGE; }
    get step() { return [this.kw * this.scale + GAP, this.kh * this.scale + GAP]; }
    draw() {
      const { canvas, sorted, scale } = this, [stepX, stepY] = this.step, ratio = Math.max(1, Math.round(window.devicePixelRatio || 1));
      this.across = Grid.across(this.box.clientWidth, stepX - GAP);
      const w = Math.min(this.across, sorted.length) * stepX - GAP + 2 * EDGE, h = Grid.height(sorted.length, this.box.clientWidth, stepX - GAP, stepY - GAP);
      canvas.width = w * ratio; canvas.height = h * ratio;
      canvas.style.width = `${w}px`; canvas.style.height = `${h}px`;
      const context = canvas.getContext("2d"), style = getComputedStyle(this.box);
      context.scale(ratio, ratio);
      sorted.forEach((u, i) => this.paint(context, u, (i % this.across) * stepX + EDGE, Math.floor(i / this.across) * stepY + EDGE, scale, style));
      this.mark();
    }
    // The ring around the chosen unit, or around the one at the cursor while the grid has the focus.
    mark() {
      const [stepX, stepY] = this.step, i = this.cursor, u = this.sorted[i];
      const place = { left: (i % this.across) * stepX + EDGE, top: Math.floor(i / this.across) * stepY + EDGE, width: this.kw * this.scale, height: this.kh * this.scale };
      for (const [side, pixels] of Object.entries(place)) this.ring.style[side] = `${pixels}px`;
      this.ring.classList.toggle("wb-units-current", this.current !== null);
      this.option.textContent = describe(u).join(", ");
      this.option.setAttribute("aria-posinset", i + 1);
      this.option.setAttribute("aria-selected", String(u === this.current));
    }
    select(u) {
      this.current = u;
      if (u) this.cursor = Math.max(0, this.sorted.indexOf(u));
      this.mark();
    }
    sort(name) {
      const at = this.sorted[this.cursor];
      this.sorted = sorted(this.units, name);
      this.cursor = this.current || document.activeElement === this.canvas ? this.sorted.indexOf(at) : 0;
      this.draw();
    }
    reveal() { this.ring.scrollIntoView({ block: "nearest", inline: "nearest" }); }
    at(event) {
      const [stepX, stepY] = this.step, x = event.offsetX - EDGE, y = event.offsetY - EDGE;
      if (x < 0 || y < 0 || Math.floor(x / stepX) >= this.across || x % stepX >= stepX - GAP || y % stepY >= stepY - GAP) return -1;
      const i = Math.floor(y / stepY) * this.across + Math.floor(x / stepX);
      return i < this.sorted.length ? i : -1;
    }
    listen(choose) {
      const { canvas, tip, stage } = this;
      canvas.addEventListener("pointermove", (event) => {
        const i = event.pointerType === "touch" ? -1 : this.at(event);
        tip.hidden = i < 0;
        canvas.classList.toggle("wb-units-over", i >= 0);
        if (i < 0) return;
        tip.replaceChildren(...describe(this.sorted[i]).map((part) => Object.assign(element("div"), { textContent: part })));
        tip.style.left = `${Math.max(0, Math.min(event.offsetX + 14, stage.clientWidth - tip.offsetWidth))}px`;
        tip.style.top = `${event.offsetY + 16}px`;
      });
      canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
      canvas.addEventListener("click", (event) => {
        const i = this.at(event);
        if (i < 0) return;
        this.cursor = i;
        choose(this.sorted[i], "pointer");
      });
      canvas.addEventListener("keydown", (event) => {
        const last = this.sorted.length - 1;
        const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across, Home: -last, End: last };
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (event.key in steps) {
          this.cursor = Math.min(last, Math.max(0, this.cursor + steps[event.key]));
          this.mark();
          choose(this.sorted[this.cursor], "key");
          this.reveal();
        } else if (event.key === "Enter" || event.key === " ") choose(this.sorted[this.cursor], "enter");
        else return;
        event.preventDefault();
      });
    }
  }

  window.wbGrid = { Grid, NMF, choice, colours, describe, element, number, orders, picture, sorted, table };
})();
