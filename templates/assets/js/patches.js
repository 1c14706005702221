// Patches of photographs in the panel of one unit: windows on photographs beside the network's page.
(() => {
  "use strict";
  const element = (tag, className, parent) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    parent?.append(made);
    return made;
  };
  const digits = (value, count) => (Math.abs(value) < 10 ** count && Math.abs(value) > 1e-4 ? value.toPrecision(count) : String(Number(value.toPrecision(count)))).replace("-", "−");
  const WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

  const start = (panel, box) => {
    const [height, width] = box.dataset.size.split(" ").map(Number);
    const coarse = Number(box.dataset.coarse), rectified = box.dataset.rectified === "true";
    const about = box.querySelector(".wb-patches-about"), list = box.querySelector(".wb-patches-list");
    const button = box.querySelector("button");

    const tile = ([activation, photograph, name, top, left, h, w, y, x]) => {
      const made = element("div", "wb-patch", list), all = h === height && w === width;
      made.classList.toggle("wb-patch-silent", rectified && activation <= 0);
      made.classList.toggle("wb-patch-coarse", Math.max(h, w) < coarse);
      made.classList.toggle("wb-patch-all", all);
      for (const [key, value] of Object.entries({ H: height, W: width, h, w, t: top, l: left, y, x })) made.style.setProperty(`--${key}`, value);
      const view = element("span", "wb-patch-window", element("span", "", made)), image = element("img", "", view);
      const text = `${all ? "The whole" : "Part"} of photograph ${photograph} (${name}): activation ${digits(activation, 3)}`;
      Object.assign(image, { loading: "lazy", decoding: "async", width, height, alt: text, src: `../photograph-${photograph}.webp` });
      made.title = text;
      element("i", "", view);
      element("small", "", made).textContent = digits(activation, 3);
      return all;
    };
    const said = (patches, picture) => {
      if (!patches.length) return "It responds to all photographs equally.";
      const [strongest] = patches[0], least = patches.at(-1)[0], photographs = new Set(patches.map((patch) => patch[1])).size;
      if (rectified && strongest <= 0) return `None of the ${box.dataset.count} photographs makes it fire: its activations are ${digits(strongest, 3)} at most, and the rectifier lets nothing through. These come closest.`;
      const silent = rectified ? patches.filter(([activation]) => activation <= 0).length : 0;
      const parts = `Strongest first, ${patches.length > photographs ? `${WORDS[patches.length]} patches of ${WORDS[photographs]}` : WORDS[photographs]} of ${box.dataset.count}; activations from ${digits(strongest, 3)} to ${digits(least, 3)}`;
      const [made, , , dead, , agrees] = picture ?? [];
      const share = picture && agrees && !dead && made > 0 && strongest > 0 ? `, the first ${Math.round(100 * strongest / made)} % of its picture's` : "";
      return `${parts}${share}.${silent ? ` On ${WORDS[silent]} it does not fire.` : ""}`;
    };
    const show = ({ unit }) => {
      list.replaceChildren();
      const whole = unit.patches.map(tile);
      about.textContent = said(unit.patches, unit.picture);
      button.hidden = whole.every(Boolean);
    };
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(box.classList.toggle("wb-patches-whole")));
    });
    panel.addEventListener("wb-panel", (event) => show(event.detail));
  };

  const panel = document.querySelector(".wb-unitpanel"), box = panel?.querySelector(".wb-patches");
  if (box) start(panel, box);
})();
