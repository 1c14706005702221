// Draws charts when they come near the view, in the colours of the page's scheme.
(() => {
  "use strict";
  const here = document.currentScript.src;
  const charts = [...document.querySelectorAll(".wb-chart[data-spec]")];
  if (!charts.length) return;

  let bundle;
  const vega = () => (bundle ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../vega.js", here).href;
    script.onload = () => resolve(window.vegaEmbed);
    script.onerror = () => reject(new Error("the chart library could not be loaded"));
    document.head.append(script);
  }));

  const appearance = (narrow) => {
    const style = getComputedStyle(document.body);
    const dark = document.body.dataset.mdColorScheme === "slate";
    const text = dark ? "#d7dce4" : "#2c313a", grid = dark ? "#ffffff1c" : "#0000001a";
    const font = style.fontFamily;
    return {
      background: null, font,
      view: { stroke: null },
      axis: { labelColor: text, titleColor: text, gridColor: grid, domainColor: grid, tickColor: grid, labelFontSize: 12, titleFontSize: 12, titleFontWeight: 500, titlePadding: 8 },
      legend: { labelColor: text, titleColor: text, labelFontSize: 12, symbolSize: 70, labelLimit: 260, symbolBaseFillColor: text, symbolBaseStrokeColor: text, ...(narrow && { columns: 1 }) },
      title: { color: text }, text: { color: text }, header: { labelColor: text, titleColor: text },
    };
  };

  // A menu in a figure sets the parameter of that name in all of the figure's charts.
  const menus = (box) => [...(box.closest("figure")?.querySelectorAll("select[data-parameter]") ?? [])];
  const choose = (box, menu) => box.view?.view.signal(menu.dataset.parameter, menu.value).runAsync();
  document.addEventListener("change", ({ target }) => {
    if (target.matches("select[data-parameter]")) charts.filter((box) => menus(box).includes(target)).forEach((box) => choose(box, target));
  });

  const draw = async (box) => {
    try {
      const embed = await vega();
      const address = new URL(box.dataset.spec, document.baseURI);
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`${address.pathname}: ${answer.status}`);
      box.view?.finalize();
      const spec = await answer.json();
      spec.description ??= box.dataset.description ??= box.ariaLabel ?? ""; // else the library calls it by its own name
      const result = await embed(box, spec, {
        actions: false, renderer: "svg", config: appearance(box.clientWidth < 480), loader: { baseURL: new URL(".", address).href }, tooltip: { theme: document.body.dataset.mdColorScheme === "slate" ? "dark" : "light" },
      });
      box.view = result;
      // What the box is called describes the whole; the library's marks have no names. Menus in it must stay within reach.
      box.querySelector("svg").setAttribute("aria-hidden", "true");
      if (box.querySelector("form")) box.setAttribute("role", "group");
      box.dataset.drawn = "true";
      menus(box).forEach((menu) => choose(box, menu));
    } catch (error) {
      box.classList.add("wb-chart-failed");
      box.textContent = `This chart could not be drawn (${error.message}). Its data is linked below.`;
    }
  };

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "400px" });
  charts.forEach((box) => seen.observe(box));

  new MutationObserver(() => charts.filter((box) => box.dataset.drawn).forEach(draw))
    .observe(document.body, { attributes: true, attributeFilter: ["data-md-color-scheme"] });
  window.addEventListener("beforeprint", () => charts.filter((box) => !box.dataset.drawn).forEach(draw));
})();
