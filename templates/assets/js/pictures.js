// Saves a figure's charts as they are now, as one SVG or PNG, in the colours of the light scheme on white.
(() => {
  "use strict";
  if (location.protocol === "file:") return; // where charts are not live
  const NS = "http://www.w3.org/2000/svg";
  const element = (name, attributes, text = "") => {
    const made = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  };

  // Charts, the titles above them and the key of their colours, where they stand on the page.
  const compose = async (figure) => {
    const boxes = [...figure.querySelectorAll(".wb-chart")];
    await Promise.all(boxes.filter((box) => !box.view).map((box) => box.live()));
    const charts = boxes.map((box) => box.querySelector(".wb-chart-live > svg, .wb-chart-live .vega-embed > svg, .wb-chart-live svg"));
    if (!charts.every(Boolean)) throw new Error("a chart could not be drawn");
    const words = [...figure.querySelectorAll(".wb-charts-title, .wb-keys span")];
    const places = [...charts, ...words].map((each) => each.getBoundingClientRect());
    const [left, top] = ["left", "top"].map((side) => Math.min(...places.map((place) => place[side])) - 8);
    const [right, bottom] = ["right", "bottom"].map((side) => Math.max(...places.map((place) => place[side])) + 8);
    const [width, height] = [Math.ceil(right - left), Math.ceil(bottom - top)];
    const whole = element("svg", { xmlns: NS, width, height, viewBox: `0 0 ${width} ${height}` });
    whole.append(element("title", {}, figure.ariaLabel ?? ""), element("rect", { width, height, fill: "white" }));
    charts.forEach((chart, i) => {
      const copy = chart.cloneNode(true);
      for (const [key, value] of [["x", places[i].left - left], ["y", places[i].top - top]]) copy.setAttribute(key, value);
      whole.append(copy);
    });
    words.forEach((word, i) => {
      const place = places[charts.length + i], style = getComputedStyle(word), colour = style.getPropertyValue("--wb-key");
      const middle = place.top - top + place.height / 2, size = parseFloat(style.fontSize);
      const start = place.left - left + (colour ? 1.75 * size : 0);
      if (colour) whole.append(element("rect", { x: place.left - left, y: middle - 0.1 * size, width: 1.3 * size, height: 0.2 * size, fill: colour }));
      whole.append(element("text", {
        x: start, y: middle, "dominant-baseline": "central", "font-family": "system-ui, sans-serif", "font-size": size, "font-weight": style.fontWeight, fill: "#2c313a",
      }, word.innerText));
    });
    return [new XMLSerializer().serializeToString(whole), width, height];
  };

  const pixels = async ([text, width, height]) => {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [2 * width, 2 * height];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  };

  const save = async (figure, format) => {
    const composed = await compose(figure);
    const blob = format === "png" ? await pixels(composed) : new Blob([composed[0]], { type: "image/svg+xml" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${figure.id.replace(/^fig-/, "")}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };

  for (const tools of document.querySelectorAll(".wb-figure:has(.wb-chart) .wb-tools")) {
    const buttons = ["png", "svg"].map((format) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `Picture (${format.toUpperCase()})`;
      button.addEventListener("click", async () => {
        try {
          await save(tools.closest("figure"), format);
        } catch (error) {
          button.textContent = `No ${format.toUpperCase()}: ${error.message}`;
        }
      });
      return button;
    });
    tools.prepend(buttons[0], " · ", buttons[1], " · ");
  }
})();
