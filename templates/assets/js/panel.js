// The panel of one unit, beside the grid or as a sheet over the foot of a narrow screen: loaded when a unit is chosen,
// 32 units a file.
(() => {
  "use strict";
  const element = (tag, className, parent) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    parent?.append(made);
    return made;
  };
  const digits = (value, count) => (Math.abs(value) < 10 ** count && Math.abs(value) > 1e-4 ? value.toPrecision(count) : String(Number(value.toPrecision(count))));
  const signed = (value) => (value > 0 ? "+" : "") + digits(value, 2).replace("-", "−");
  const plain = (value) => digits(value, 3).replace("-", "−");
  const percent = (share) => `${Math.round(100 * share)} %`;
  const colour = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));

  const start = (panel, grid) => {
    const files = panel.dataset.panels.split(" "), per = Number(panel.dataset.per);
    const [positive, negative] = panel.dataset.colours.split(" ").map(colour);
    const said = panel.querySelector(".wb-unitpanel-said"), shown = panel.querySelector(".wb-unitpanel-shown");
    const heading = panel.querySelector("h3"), about = panel.querySelector(".wb-unitpanel-about");
    const nothing = said.textContent, sheet = () => getComputedStyle(shown).position === "fixed";
    const loading = new Map();
    const load = (file) => {
      if (!loading.has(file)) loading.set(file, fetch(file).then((answer) => {
        if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
        return answer.json();
      }).catch((error) => { loading.delete(file); throw error; }));
      return loading.get(file);
    };

    const image = (source, text, size, parent) => {
      const made = element("img", "", parent);
      Object.assign(made, { loading: "lazy", decoding: "async", width: size, height: size, alt: text, src: source });
      return made;
    };
    // A small picture, cut out of its sheet, as large as its parent is wide.
    const small = (folder, channel, [per, columns, count, width, height], text, parent) => {
      const made = element("i", "wb-sheet", parent), number = Math.floor(channel / per), place = channel % per;
      const rows = Math.ceil(Math.min(per, count - number * per) / columns), row = Math.floor(place / columns);
      made.style.cssText = `background-image:url(${folder}sheet-${number}.webp);background-size:${100 * columns}% ${100 * rows}%;` +
        `background-position:${(100 * (place % columns)) / Math.max(1, columns - 1)}% ${(100 * row) / Math.max(1, rows - 1)}%;aspect-ratio:${width}/${height}`;
      made.setAttribute("role", "img");
      made.setAttribute("aria-label", text);
    };
    const kernel = (levels, kh, kw, text, parent) => {
      const canvas = element("canvas", "wb-kernel", parent), part = (kh * kw === 1 ? 0.6 : 1) / Math.max(kh, kw);
      canvas.width = kw; canvas.height = kh;
      canvas.style.width = `calc(var(--wb-tile) * ${kw * part})`;
      canvas.style.height = `calc(var(--wb-tile) * ${kh * part})`;
      const context = canvas.getContext("2d"), pixels = context.createImageData(kw, kh);
      levels.forEach((level, i) => {
        const end = level < 0 ? negative : positive, share = Math.abs(level) / 127;
        pixels.data.set([...end.map((part) => Math.round(255 + share * (part - 255))), 255], 4 * i);
      });
      context.putImageData(pixels, 0, 0);
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", text);
      canvas.title = text;
    };
    const connection = ({ layers, classes }, scale, way, [place, channel, state, added, bytes, kh, kw, plus, minus, cancelled], parent) => {
      const [layer, page, from, panels, ...sheets] = layers[place], levels = Int8Array.from(atob(bytes), (one) => one.charCodeAt(0));
      const strongest = levels.reduce((best, level) => (Math.abs(level) > Math.abs(best) ? level : best), 0) * (scale / 127);
      const sign = strongest === 0 ? "all weights nearly zero" : `strongest weight ${signed(strongest)}, ${strongest > 0 ? "excitatory" : "inhibitory"}`;
      const box = element(page ? "a" : "div", "wb-connection", parent);
      const unit = page ? from + channel : channel;
      const named = classes[place]?.[channel];
      const name = named ? `the class ${named}` : page ? `unit ${unit} of ${layer}` : layer ? panel.dataset.channels.split(" ")[channel] ?? `channel ${channel}` : `input channel ${channel}`;
      if (page) box.href = panels || named ? `${page}#unit-${unit}` : page;
      const tile = element("span", `wb-unit${["", "", " wb-unit-dead", " wb-unit-differs"][state % 4]}`, box);
      const doubt = ["", "", ", which did not respond", ", to which the network itself does not respond as was measured"][state % 4];
      if (state > 4) small(page, channel, sheets, `What may excite ${name}, from a short search${doubt}`, tile);
      else if (state) image(`${page}unit-${channel}.webp`, `What excites ${name}${doubt}`, 72, tile);
      else element("b", named ? "wb-unit-class" : "", tile).textContent = named ?? (page || !layer ? unit : name);
      kernel(levels, kh, kw, `Weights ${way} ${name}: ${sign}`, box);
      const text = element("span", "wb-connection-text", box);
      if (page) element("span", "wb-connection-name", text).textContent = `${layer.replace(/[_.]/g, "$&\u200b")}${added ? ` + ${added} more` : ""}\u00a0·\u00a0${unit}${named ? ` ${named}` : ""}`;
      const numbers = element("small", "", text);
      numbers.textContent = signed(strongest);
      if (cancelled === undefined) return;
      const flagged = cancelled > Number(panel.dataset.threshold);
      numbers.textContent += `, ${percent(1 - cancelled)} left`;
      if (flagged) element("small", "wb-cancels", text).textContent = `cancels: ${signed(plus)}, ${signed(minus)}`;
    };
    const section = (data, unit, box) => {
      const found = unit[box.dataset.kind], multiples = box.querySelector(".wb-multiples");
      box.hidden = !found.connections.length;
      multiples.replaceChildren();
      const [low, high] = box.querySelectorAll(".wb-scale span"), end = plain(found.scale);
      low.textContent = `−${end}`; high.textContent = `+${end}`;
      if (box.dataset.kind === "input") box.querySelector(".wb-unitpanel-more").textContent = unit.share < 0.9995 ? `, with ${percent(unit.share)} of its squared weights` : "";
      const way = box.dataset.kind === "output" ? "to" : "from";
      for (const one of found.connections) connection(data, found.scale, way, one, multiples);
    };
    const header = (unit, index, number) => {
      const place = panel.querySelector(".wb-unitpanel-picture");
      place.replaceChildren();
      heading.textContent = `Unit ${number} of ${panel.dataset.layer}${unit.class ? `: ${unit.class}` : ""}`;
      about.textContent = "";
      if (!unit.picture) {
        element("b", "wb-unitpanel-none", place).textContent = number;
        about.textContent = "No picture was made of this unit: the quick profile does not draw all units of a network as slow or as large as this one. The full profile does.";
      } else {
        const [activation, photographs, ratio, dead, reseeded, agrees, own, quick] = unit.picture;
        const doubt = !agrees ? ", to which the network itself does not respond as was measured" : dead ? ", which did not respond" : "";
        if (quick) small("", index, panel.dataset.sheets.split(" ").map(Number), `Small picture made to excite unit ${number}${doubt}`, place);
        else image(`unit-${index}.webp`, `Picture made to excite unit ${number}${doubt}`, 160, place).loading = "eager";
        place.classList.toggle("wb-unit-dead", agrees && dead);
        place.classList.toggle("wb-unit-differs", !agrees);
        if (!agrees) about.textContent = "Not what excites the unit: while the picture was made, " +
          (activation === null ? "no response was measured" : `a response of ${plain(activation)} was measured`) +
          (own === null ? ", and the network itself does not come to this unit for it." : `, and the network itself responds with ${plain(own)}.`);
        else if (dead && quick) about.textContent = "The short search found no picture that excites it more than noise does. What is shown is where it ended.";
        else if (dead) about.textContent = "A dead unit, as far as was looked: no picture excites it, from whichever random start. What is shown is where the search ended.";
        else about.textContent = `${quick ? `A first look, ${panel.dataset.quick}: the` : "The"} picture was made to excite the unit: its activation is ${plain(activation)}` +
          (ratio === null ? "." : `, ${plain(ratio)} times the strongest on the photographs (${plain(photographs)}).`) +
          (reseeded ? " The search found no way from its first random start and began again." : "");
      }
      if (unit.input.scale === 0) about.textContent += " All its weights are zero.";
    };

    // What a screen reader says of the change; on the screen it stands only where there is no unit to see.
    const tell = (text, visible) => {
      shown.hidden = !visible;
      said.classList.toggle("wb-unseen", visible);
      said.textContent = text;
    };
    let wanted = null;
    const show = async ({ index, unit: number, way, missing }) => {
      wanted = number;
      if (index === null) {
        delete panel.dataset.shown;
        tell(missing || nothing, false);
        return;
      }
      try {
        const data = await load(files[Math.floor(index / per)]);
        if (wanted !== number) return; // the reader has moved on
        const unit = data.units[index % per];
        header(unit, index, number);
        panel.dispatchEvent(new CustomEvent("wb-panel", { detail: { unit, number } })); // to patches.js
        panel.querySelectorAll("section").forEach((box) => section(data, unit, box));
        tell(`${heading.textContent}: ${unit.input.connections.length} inputs, ${unit.output?.connections.length ?? 0} outputs are shown.`, true);
        panel.dataset.shown = number;
        for (const scrolled of [shown, panel.closest("figure")]) scrolled.scrollTop = 0;
        if (way === "enter" || way === "address" || (way === "pointer" && sheet())) heading.focus({ preventScroll: true });
      } catch (error) {
        tell(`The panel could not be loaded (${error.message}). The data is linked below.`, false);
      }
    };
    grid.addEventListener("wb-unit", (event) => show(event.detail));
    panel.querySelectorAll("[data-step]").forEach((button) => button.addEventListener("click", () =>
      grid.dispatchEvent(new CustomEvent("wb-step", { detail: Number(button.dataset.step) }))));
    const close = () => grid.dispatchEvent(new CustomEvent("wb-close"));
    panel.querySelector(".wb-unitpanel-close").addEventListener("click", close);
    shown.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      if (sheet()) close();
      else grid.querySelector(".wb-units-stage > canvas").focus({ preventScroll: true });
    });
  };

  const panel = document.querySelector(".wb-unitpanel"), grid = document.querySelector(".wb-units");
  if (panel && grid) start(panel, grid);
})();
