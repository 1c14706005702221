// Heatmaps of activations: another network, or the units of a layer, cut from the sheet that holds them all.
(() => {
  "use strict";
  for (const box of document.querySelectorAll(".wb-heatmaps")) {
    const controls = box.querySelector(".wb-heatmaps-controls"), grid = box.querySelector(".wb-heatmaps-grid");
    const facts = JSON.parse(box.querySelector("script[type='application/json']").textContent);
    const said = box.querySelector(".wb-heatmaps-said"), template = grid.firstElementChild.cloneNode(true);
    const [network, units] = ["configuration", "units"].map((name) => controls.querySelector(`select[name=${name}]`));
    const first = template.querySelector("image").getAttribute("href");

    const panel = (of, file, layer, place, name, rest) => {
      const made = template.cloneNode(true), title = made.querySelector("p"), strong = document.createElement("strong");
      strong.textContent = name;
      title.replaceChildren(strong, rest);
      const [high, low] = made.querySelectorAll("b");
      [high.textContent, low.textContent] = [layer.high, layer.low];
      const drawn = made.querySelector("svg"), picture = made.querySelector("image");
      drawn.setAttribute("viewBox", `0 ${place * facts.bins} ${facts.records} ${facts.bins}`);
      drawn.setAttribute("aria-label", `Histograms of ${name} through training, activations from ${layer.low} to ${layer.high}`);
      picture.setAttribute("href", file);
      picture.setAttribute("height", of.pictures * facts.bins);
      return made;
    };

    const show = () => {
      const name = network?.value ?? Object.keys(facts.configurations)[0], of = facts.configurations[name];
      const file = network ? `activations-${name}.png` : first;
      const chosen = of.layers.find((layer) => layer.name === units.value);
      const panels = chosen
        ? Array.from({ length: chosen.shown }, (_, unit) => panel(of, file, chosen, chosen.first + unit, `unit ${unit + 1}`, ` of ${chosen.name}`))
        : of.layers.map((layer) => panel(of, file, layer, layer.place, layer.name, ` ${layer.units} unit${layer.units > 1 ? "s" : ""}`));
      grid.replaceChildren(...panels);
      said.textContent = `${of.title}, seed ${of.seed}`;
    };

    const change = () => {
      // Networks may have layers of their own.
      const layers = facts.configurations[network.value].layers.map((layer) => layer.name);
      const kept = layers.includes(units.value) ? units.value : "";
      units.replaceChildren(units.options[0], ...layers.map((layer) => new Option(`units of ${layer}`, layer)));
      units.value = kept;
      show();
    };

    network?.addEventListener("change", change);
    units.addEventListener("change", show);
    controls.hidden = false;
  }
})();
