// The grid of a layer's units on its page: what is shown, in which order, permalinks #unit-N.
// Tells the panel of the chosen unit with the event wb-unit; hears of steps to its neighbours with wb-step, and with
// wb-close that it was closed.
(() => {
  "use strict";
  const { Grid, NMF, choice, colours, describe, element, orders, picture, table } = window.wbGrid;
  const TARGET = 40, LARGE = 72, WAIT = 200; // pixels of a unit's side in the grid and beside its numbers; milliseconds

  const NOTHING = "Choose a unit for its picture, its numbers and its address.";

  const start = async (box) => {
    const [kw, kh] = box.dataset.tile.split(" ").map(Number), columns = Number(box.dataset.columns);
    const [pw, ph] = (box.dataset.pictureTile ?? "0 0").split(" ").map(Number);
    const pictured = { count: Number(box.dataset.pictureCount), columns: Number(box.dataset.pictureColumns) };
    const joint = box.hasAttribute("data-sprite-joint");
    const names = { sprite: joint ? "factors, per unit" : "kernels", "sprite-joint": "factors, jointly", "sprite-pictures": "what excites them" };
    const shown = Object.keys(names).filter((name) => box.hasAttribute(`data-${name}`));
    const label = box.getAttribute("aria-label");
    box.replaceChildren();
    box.removeAttribute("role");
    box.removeAttribute("aria-label");

    const panel = document.querySelector(".wb-unitpanel");
    const controls = element("div", "wb-units-controls", box), found = orders(box.dataset.table.split(" "));
    const order = found.length > 1 ? choice(controls, "Order by", found, "order") : null;
    const mode = shown.length > 1 ? choice(controls, "Show", shown.map((name) => [name, names[name]]), "show") : null;
    const lights = joint ? colours(controls) : null;
    const inPanel = panel?.querySelector(".wb-units-chosen"), chosen = inPanel ?? element("div", "wb-units-chosen", box);
    if (!inPanel) {
      chosen.textContent = NOTHING;
      chosen.setAttribute("aria-live", "polite");
    }
    const scale = Math.max(1, Math.round(TARGET / Math.max(kw, kh))), [first, stop] = box.dataset.units.split(":").map(Number);
    // Nothing below moves once the units are drawn, and little before: the style sheet knows about how much this is.
    box.style.minHeight = `${controls.offsetHeight + Grid.height(stop - first, box.clientWidth, kw * scale, kh * scale)}px`;

    const sheets = {};
    const fetchSheet = async (name) => { if (name) sheets[name] ??= await Promise.all(box.getAttribute(`data-${name}`).split(" ").map(picture)); };
    const [units] = await Promise.all([table(box.dataset.url), ...shown.filter((name, i) => i === 0 || name !== "sprite-pictures" || name === mode.value).map(fetchSheet)]);

    const tile = (context, u, x, y, size, style) => {
      const name = mode?.value ?? shown[0], kernels = name && name !== "sprite-pictures";
      const width = kw * size, height = kh * size;
      const [w, h, across] = kernels ? [kw, kh, columns] : [pw, ph, pictured.columns];
      const sheet = sheets[name]?.[kernels ? 0 : Math.floor(u.index / pictured.count)], place = kernels ? u.index : u.index % pictured.count;
      const part = kernels ? 1 : Math.min(width / w, height / h) / Math.max(width / w, height / h), long = w / width > h / height;
      const [dw, dh] = kernels ? [width, height] : long ? [width, height * part] : [width * part, height];
      context.imageSmoothingEnabled = !kernels;
      context.imageSmoothingQuality = "high";
      if (!kernels) { // a unit without a picture is its number
        context.fillStyle = style.getPropertyValue("--wb-card"); context.fillRect(x, y, width, height);
        context.fillStyle = style.getPropertyValue("--wb-muted"); context.font = `${Math.min(12, width / 3)}px sans-serif`;
        context.textAlign = "center"; context.textBaseline = "middle"; context.fillText(u.unit, x + width / 2, y + height / 2);
      }
      if (sheet) context.drawImage(sheet, (place % across) * w, Math.floor(place / across) * h, w, h, x + (width - dw) / 2, y + (height - dh) / 2, dw, dh);
    };
    const coloured = (canvas) => canvas.classList.toggle("wb-nmf", joint && NMF.includes(mode?.value ?? shown[0]));

    const show = (u) => {
      chosen.replaceChildren();
      const large = element("canvas", "", chosen), size = Math.max(1, Math.round(LARGE / Math.max(kw, kh)));
      large.width = kw * size; large.height = kh * size;
      tile(large.getContext("2d"), u, 0, 0, size, getComputedStyle(box));
      coloured(large);
      const text = element("div", "", chosen), link = element("a", "", text);
      link.href = `#unit-${u.unit}`;
      const [name, ...parts] = describe(u);
      link.textContent = name;
      for (const part of parts) element("div", "", text).textContent = part;
    };
    // Shows a unit, or none; `missing` says why none of the address.
    const choose = (u, way = "", missing = "") => {
      grid.select(u);
      if (u) show(u);
      else if (inPanel) chosen.replaceChildren();
      else chosen.textContent = missing || NOTHING;
      box.dispatchEvent(new CustomEvent("wb-unit", { detail: { index: u?.index ?? null, unit: u?.unit ?? null, way, missing } }));
    };
    let later = 0; // while a key is held down, units pass by faster than addresses may change
    const note = (u, way) => {
      clearTimeout(later);
      const address = u ? `#unit-${u.unit}` : location.pathname + location.search;
      if (way === "key") later = setTimeout(() => history.replaceState(null, "", address), WAIT);
      else if (way === "step" || !u || location.hash === address) history.replaceState(null, "", address);
      else history.pushState(null, "", address);
    };
    const visit = (u, way) => {
      note(u, way);
      choose(u, way);
    };
    const close = () => {
      if (!grid.current) return;
      visit(null);
      grid.canvas.focus({ preventScroll: true });
    };
    const fromAddress = (way) => {
      const [, wanted] = /^#unit-(\d+)$/.exec(location.hash) ?? [];
      if (wanted === undefined) { if (!location.hash && grid.current) choose(null); return false; }
      const unit = units.find((u) => u.unit === Number(wanted)) ?? null;
      choose(unit, way, unit ? "" : `There is no unit ${wanted} in this layer: its units are ${units[0].unit} to ${units.at(-1).unit}.`);
      return true;
    };

    const grid = new Grid(box, units, [kw, kh], scale, `${label} Arrow keys move between units, Enter reads on about one.`, tile, visit);
    const redraw = () => {
      if (lights) lights.box.hidden = !NMF.includes(mode?.value ?? shown[0]);
      coloured(grid.canvas);
      grid.draw();
      if (grid.current) show(grid.current);
    };
    grid.canvas.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    box.addEventListener("wb-step", (event) => {
      const i = Math.min(units.length - 1, Math.max(0, grid.cursor + event.detail));
      visit(grid.sorted[i], "step");
      grid.reveal();
    });
    box.addEventListener("wb-close", close);
    order?.addEventListener("change", () => grid.sort(order.value));
    mode?.addEventListener("change", () => fetchSheet(mode.value).then(redraw));
    window.addEventListener("hashchange", () => { if (fromAddress("")) grid.reveal(); });
    if (order) grid.sort(order.value);
    redraw();
    if (fromAddress("address")) {
      (box.closest(".wb-beside") ?? box).scrollIntoView({ block: "start" });
      grid.reveal();
    }
    box.dataset.drawn = "true";
  };

  for (const box of document.querySelectorAll(".wb-units")) {
    start(box).catch((error) => { box.textContent = `The units could not be drawn (${error.message}). Pictures and data are linked below.`; });
  }
})();
