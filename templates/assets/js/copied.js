// A button that copies a citation.
(() => {
  "use strict";
  for (const box of document.querySelectorAll(".wb-copied")) {
    const button = document.createElement("button");
    const label = `Copy ${box.dataset.what}`, text = box.textContent.trim();
    Object.assign(button, { type: "button", textContent: label });
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch { // a page from a file, or a browser that asks and is told no
        getSelection().selectAllChildren(box.firstElementChild);
        button.textContent = document.execCommand("copy") ? "Copied" : "Selected: press Ctrl+C";
      }
      setTimeout(() => { button.textContent = label; }, 2500);
    });
    box.append(button);
  }
})();
