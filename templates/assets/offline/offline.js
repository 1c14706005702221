// Lets the pages of a folder (file://) read its data, for which browsers refuse fetch: FILE.js beside FILE holds its text.
(() => {
  "use strict";
  if (location.protocol !== "file:") return;
  const waiting = new Map(), fetch = window.fetch;
  window.wbsiteData = (text) => waiting.get(document.currentScript)(text);

  const read = (address) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    waiting.set(script, resolve);
    script.src = `${address}.js`;
    script.onerror = () => reject(new TypeError(`${address} is not there`));
    script.onload = () => { waiting.delete(script); script.remove(); };
    document.head.append(script);
  });
  window.fetch = async (resource, options) => {
    const address = new URL(resource.url ?? resource, document.baseURI);
    return address.protocol === "file:" ? new Response(await read(address)) : fetch(resource, options);
  };

  // Links that scripts make may lead to a folder, where a server would send its index.html.
  const name = ({ target }) => {
    const link = target instanceof Element && target.closest("a[href]");
    if (link && link.protocol === "file:" && link.pathname.endsWith("/")) link.pathname += "index.html";
  };
  for (const event of ["pointerdown", "focusin", "click"]) document.addEventListener(event, name, true);
})();
