// Live charts in place of their static drawings when they come near the view; what the reader chooses in them is kept
// in the page's address (?FIGURE.PARAMETER=VALUE), and said in the captions.
(() => {
  "use strict";
  if (location.protocol === "file:") return; // where no script may read files; the static drawings stay
  const here = document.currentScript.src;
  const charts = [...document.querySelectorAll(".wb-chart[data-spec]")];
  if (!charts.length) return;

  const once = (make) => { let made; return () => (made ??= make()); };
  const vega = once(() => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../vega.js", here).href;
    script.onload = () => resolve(window.vegaEmbed);
    script.onerror = () => reject(new Error("the chart library could not be loaded"));
    document.head.append(script);
  }));
  const fetched = async (address) => {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address.pathname}: ${answer.status}`);
    return answer;
  };
  const json = async (address) => (await fetched(address)).json();
  const look = once(() => json(new URL("../charts.json", here)));

  // What is chosen, by figure and parameter.
  const figure = (element) => element.closest("figure");
  const key = (element, name) => `${figure(element).id.replace(/^fig-/, "")}.${name}`;
  const recall = (element, name) => new URLSearchParams(location.search).get(key(element, name));
  const remember = (element, name, value, label, usual) => {
    const address = new URL(location.href);
    if (value === usual) address.searchParams.delete(key(element, name));
    else address.searchParams.set(key(element, name), value);
    if (address.href !== location.href) history.replaceState(history.state, "", address);
    for (const said of figure(element).querySelectorAll(`figcaption [data-parameter="${name}"]`)) {
      if ("value" in said.dataset) said.hidden = said.dataset.value !== value;
      else said.textContent = label;
    }
  };

  // A menu in a figure sets the parameter of that name in all of the figure's charts.
  const MENU = "select[data-parameter]";
  const menus = (box) => [...figure(box).querySelectorAll(MENU)];
  const usual = (menu) => (menu.querySelector("option[selected]") ?? menu.options[0]).value;
  const choose = (box, menu) => box.view.view.signal(menu.dataset.parameter, menu.value).runAsync();
  const tell = (menu) => remember(menu, menu.dataset.parameter, menu.value, menu.selectedOptions[0].text, usual(menu));
  for (const menu of document.querySelectorAll(`figure ${MENU}`)) {
    const wanted = recall(menu, menu.dataset.parameter);
    menu.value = [...menu.options].some((option) => option.value === wanted) ? wanted : usual(menu);
    tell(menu);
    menu.addEventListener("change", () => {
      tell(menu);
      charts.filter((box) => box.view && menus(box).includes(menu)).forEach((box) => choose(box, menu));
    });
  }

  // A chart's own parameters: those with a control below it, and those that its legend sets.
  const within = (node, wanted) => (typeof node !== "object" || !node ? [] : [
    ...(wanted(node) ? [node] : []), ...Object.values(node).flatMap((inner) => within(inner, wanted)),
  ]);
  const inputs = (spec) => within(spec, (node) => node.name && node.bind?.input);
  const legends = (spec) => within(spec, (node) => node.name && node.bind === "legend" && node.select?.fields?.length === 1);

  const cast = (text, like) => (typeof like === "number" ? Number(text) : typeof like === "boolean" ? text === "true" : text);
  const restore = (box, spec) => {
    for (const parameter of inputs(spec)) {
      parameter.usual = parameter.value;
      const wanted = recall(box, parameter.name), options = parameter.bind.options?.map(String);
      if (wanted === null || (options && !options.includes(wanted))) continue;
      parameter.value = options ? parameter.bind.options[options.indexOf(wanted)] : cast(wanted, parameter.value);
    }
    for (const parameter of legends(spec)) {
      const names = new URLSearchParams(location.search).getAll(key(box, parameter.name));
      if (names.length) parameter.value = names.map((name) => ({ [parameter.select.fields[0]]: name }));
    }
  };

  const follow = (box, spec) => {
    const { view } = box.view;
    for (const { name, usual: first, bind } of inputs(spec)) {
      const say = (_, value) => {
        const place = bind.options?.indexOf(value) ?? -1;
        remember(box, name, String(value), bind.labels?.[place] ?? String(value), String(first));
      };
      view.addSignalListener(name, say);
      say(name, view.signal(name));
    }
    for (const { name, select: { fields: [field] } } of legends(spec)) {
      const value = (names) => new URLSearchParams(names.map((each) => [key(box, name), each]));
      const keep = (names) => {
        const address = new URL(location.href);
        address.searchParams.delete(key(box, name));
        for (const [each, text] of value(names)) address.searchParams.append(each, text);
        if (address.href !== location.href) history.replaceState(history.state, "", address);
      };
      const picked = () => view.signal(name)?.[field] ?? [];
      const named = within(spec, (node) => node.field === field && node.scale?.domain)[0]?.scale.domain ?? [];
      if (!named.length) { view.addSignalListener(name, () => keep(picked())); continue; }
      // What a click on the legend does, for fingers and keys.
      const group = document.createElement("div");
      group.className = "wb-picks";
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", "Bring out");
      const buttons = named.map((each) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = each;
        button.addEventListener("click", async () => {
          const before = picked();
          keep(before.includes(each) ? before.filter((other) => other !== each) : [...before, each]);
          await box.live();
          box.querySelectorAll(".wb-picks button")[named.indexOf(each)]?.focus();
        });
        return button;
      });
      const press = () => buttons.forEach((button) => button.setAttribute("aria-pressed", picked().includes(button.textContent)));
      view.addSignalListener(name, () => { keep(picked()); press(); });
      press();
      group.append(...buttons);
      box.append(group);
    }
  };

  // The data in place of their address: Vega's own reader of CSV makes code of the columns' names, which the policy of
  // the page forbids.
  const fill = async (spec, address) => {
    const read = new Map(), rows = async (url) => window.wbTable(await (await fetched(new URL(url, address))).text());
    await Promise.all(within(spec, (node) => node.url && node.format?.type === "csv").map(async (data) => {
      if (!read.has(data.url)) read.set(data.url, rows(data.url));
      data.values = await read.get(data.url);
      data.format = { ...data.format, type: "json" };
      delete data.url;
    }));
  };

  const draw = async (box) => {
    const drawing = box.querySelector("img");
    try {
      const [embed, { config, narrow }] = await Promise.all([vega(), look()]);
      const address = new URL(box.dataset.spec, document.baseURI);
      const spec = await json(address);
      await fill(spec, address);
      spec.description ??= drawing.alt; // else the library calls it by its own name
      restore(box, spec);
      const place = document.createElement("div");
      place.className = "wb-chart-live";
      place.style.width = `${box.clientWidth}px`; // to be measured before it is there
      const hidden = document.createElement("div");
      hidden.className = "wb-chart-made";
      hidden.append(place);
      box.append(hidden);
      const shape = box.clientWidth < 480 ? Object.fromEntries(Object.entries(narrow).map(([part, of]) => [part, { ...config[part], ...of }])) : {};
      const result = await embed(place, spec, {
        actions: false, ast: true, renderer: "svg", // ast: expressions are interpreted, not made into code
        config: { ...config, ...shape }, loader: { baseURL: new URL(".", address).href }, tooltip: { theme: "custom" },
      });
      box.view?.finalize();
      for (const old of box.querySelectorAll(":scope > .wb-chart-live, :scope > .wb-picks")) old.remove();
      hidden.replaceWith(place);
      place.style.width = "";
      box.view = result;
      // What the box is called describes the whole; the library's marks have no names. Menus in it must stay within reach.
      place.querySelector("svg").setAttribute("aria-hidden", "true");
      follow(box, spec);
      box.setAttribute("role", box.querySelector("form, .wb-picks") ? "group" : "img");
      box.ariaLabel = drawing.alt;
      box.dataset.drawn = "true";
      await Promise.all(menus(box).map((menu) => choose(box, menu)));
    } catch (error) {
      box.querySelector(".wb-chart-made")?.remove();
      const said = document.createElement("p");
      said.className = "wb-chart-failed";
      said.textContent = `This chart stays a picture (${error.message}). Its data is linked below.`;
      box.querySelector(".wb-chart-failed")?.remove();
      box.append(said);
    }
  };

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
  }, { rootMargin: "400px" });
  for (const box of charts) {
    box.live = () => draw(box);
    seen.observe(box);
  }
})();
