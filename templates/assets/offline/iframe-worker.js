// Workers for the pages of a folder (file://), where browsers start none: a script runs in a hidden frame instead, with
// what workers have in place of what windows have. The frame is made without a script in its text, which no policy allows.
(() => {
  "use strict";
  if (location.protocol !== "file:") return;
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      const own = new URL(address, document.baseURI);
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      document.body.append(this.frame);
      const inner = this.frame.contentWindow;
      inner.document.open(); // else a browser may yet put an empty page in its place
      inner.document.write("<!doctype html><body></body>");
      inner.document.close();
      const load = (script) => new Promise((resolve, reject) => {
        const element = inner.document.createElement("script");
        element.src = new URL(script, own);
        element.onload = resolve;
        element.onerror = () => reject(new Error(`${script} could not be loaded`));
        inner.document.body.append(element);
      });
      const tell = (event) => { this.dispatchEvent(event); this[`on${event.type}`]?.(event); };
      const fail = (error) => tell(new ErrorEvent("error", { message: error.message, filename: own.href, error }));
      inner.postMessage = (data) => setTimeout(() => tell(new MessageEvent("message", { data: structuredClone(data) })));
      inner.importScripts = (...scripts) => scripts.reduce((before, script) => before.then(() => load(script)), Promise.resolve());
      inner.addEventListener("error", ({ error, message }) => fail(error ?? new Error(message)));
      this.inner = inner;
      this.ready = load(own).catch(fail);
    }
    postMessage(data) { // the frame's own event: what listens there belongs to it
      this.ready.then(() => this.inner.dispatchEvent(new this.inner.MessageEvent("message", { data: structuredClone(data) })));
    }
    terminate() { this.frame.remove(); }
  };
})();
