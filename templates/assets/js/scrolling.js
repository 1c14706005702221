// What scrolls sideways: the strip of layers begins at the page's own, and tables and formulas can be scrolled by keys.
(() => {
  "use strict";
  const strip = document.querySelector(".wb-layerstrip"), current = strip?.querySelector("[aria-current]");
  if (current) strip.scrollLeft = current.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;

  const reach = () => {
    for (const box of document.querySelectorAll(".md-typeset__scrollwrap, div.arithmatex")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  window.addEventListener("load", reach);
  new ResizeObserver(reach).observe(document.body); // also when details open
})();
