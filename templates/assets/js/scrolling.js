// What scrolls sideways: the strip of layers begins at the page's own; tables and formulas can be scrolled by keys, and
// say so (by CSS: an element added to the page would have all of it styled anew). They are measured when the browser has
// laid them out, which it does not do, and must not be made to do, for what is folded.
(() => {
  "use strict";
  const strip = document.querySelector(".wb-layerstrip"), current = strip?.querySelector("[aria-current]");
  if (current) strip.scrollLeft = current.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;

  const BOXES = ".md-typeset__scrollwrap, .wb-formula-block, .wb-scroll";
  const tell = (boxes) => {
    const scrolling = boxes.map((box) => box.scrollWidth > box.clientWidth + 1 && getComputedStyle(box).overflowX !== "visible");
    boxes.forEach((box, i) => {
      if (scrolling[i]) box.tabIndex = 0;
      else if (!box.matches(".wb-scroll")) box.removeAttribute("tabindex");
      box.toggleAttribute("data-scrolls", scrolling[i]);
    });
  };
  const sizes = new ResizeObserver((entries) => tell([...new Set(entries.map(({ target }) => target.closest(BOXES)))]));
  const laidOut = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      laidOut.unobserve(target);
      for (const part of [target, ...target.querySelectorAll("table, math, svg")]) sizes.observe(part);
    }
  }, { rootMargin: "99999px" }); // the whole page
  window.addEventListener("load", () => { // the theme's script has put tables into boxes by then
    for (const box of document.querySelectorAll(BOXES)) laidOut.observe(box);
  });
})();
