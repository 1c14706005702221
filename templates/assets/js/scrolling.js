// What scrolls sideways: the strip of layers begins at the page's own; tables and formulas can be scrolled by keys, and
// say so.
(() => {
  "use strict";
  const strip = document.querySelector(".wb-layerstrip"), current = strip?.querySelector("[aria-current]");
  if (current) strip.scrollLeft = current.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;

  const reach = () => {
    for (const box of document.querySelectorAll(".md-typeset__scrollwrap, .wb-formula-block, .wb-scroll")) {
      const scrolls = box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible";
      const before = box.previousElementSibling, hint = before?.matches(".wb-scroll-hint") ? before : null;
      if (scrolls) box.tabIndex = 0;
      else if (!box.matches(".wb-scroll")) box.removeAttribute("tabindex");
      if (hint) hint.classList.toggle("wb-scroll-here", scrolls);
      else if (scrolls) {
        const said = document.createElement(box.matches("span") ? "span" : "p");
        said.className = "wb-scroll-hint wb-scroll-here";
        said.setAttribute("aria-hidden", "true");
        said.textContent = `The ${box.matches(".wb-formula-block") ? "formula" : "table"} scrolls sideways →`;
        box.before(said);
      }
    }
  };
  window.addEventListener("load", reach);
  new ResizeObserver(reach).observe(document.body); // also when details open
})();
