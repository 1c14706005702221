// Loads KaTeX on pages that have mathematics.
(() => {
  "use strict";
  const spans = [...document.querySelectorAll(".arithmatex")];
  if (!spans.length) return;
  const root = new URL("../katex/", document.currentScript.src);
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("katex.min.css", root).href;
  const script = document.createElement("script");
  script.src = new URL("katex.min.js", root).href;
  script.onload = () => {
    for (const span of spans) {
      const text = span.textContent.trim();
      window.katex.render(text.slice(2, -2), span, { displayMode: text.startsWith("\\["), throwOnError: false });
    }
  };
  document.head.append(style, script);
})();
