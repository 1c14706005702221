/* Citation cards: Escape closes the open one, and a card near the window's edge moves inside it.
   One set of listeners on the document, so that pages swapped in without a reload need no second start. */
(function () {
  "use strict";

  const MARGIN = 8; // pixels kept free between card and window

  function boxOf(event) {
    return event.target instanceof Element ? event.target.closest(".wb-cite-box") : null;
  }

  function place(box) {
    const card = box.querySelector(".wb-cite-card");
    card.style.setProperty("--wb-cite-shift", "0px");
    const edges = card.getBoundingClientRect();
    const width = document.documentElement.clientWidth;
    let shift = Math.min(0, width - MARGIN - edges.right);
    shift = Math.max(shift, MARGIN - edges.left);
    card.style.setProperty("--wb-cite-shift", Math.round(shift) + "px");
  }

  function open(event) {
    const box = boxOf(event);
    if (box) place(box);
  }

  function leave(event) {
    const box = boxOf(event);
    if (box && !box.contains(event.relatedTarget)) box.removeAttribute("data-dismissed");
  }

  document.addEventListener("pointerover", open);
  document.addEventListener("focusin", open);
  document.addEventListener("pointerout", leave);
  document.addEventListener("focusout", leave);
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") return;
    document.querySelectorAll(".wb-cite-box:hover, .wb-cite-box:focus-within").forEach(function (box) {
      box.setAttribute("data-dismissed", "");
    });
  });
})();
