// All rows of a figure's table, a page at a time, from its CSV file, which the page itself shows the first rows of.
(() => {
  "use strict";
  const ROWS = 25;
  const CELL = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/gy; // RFC 4180

  const parse = (text) => {
    const rows = [[]];
    CELL.lastIndex = 0;
    while (CELL.lastIndex < text.length) {
      const [, quoted, plain, end] = CELL.exec(text);
      rows.at(-1).push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
      if (end !== ",") rows.push([]);
      else if (CELL.lastIndex === text.length) rows.at(-1).push("");
    }
    return rows.filter((row) => row.length);
  };

  // A CSV file as objects, for charts.
  window.wbTable = (text) => {
    const [names, ...rows] = parse(String(text));
    return rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i] ?? ""])));
  };

  // As number_text of wbsite/render/text.py writes numbers.
  const NUMBER = /^-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i;
  const written = (text) => {
    if (text === "") return "–";
    if (!NUMBER.test(text)) return text;
    const number = Number(text);
    const shown = Number.isInteger(number) ? number.toLocaleString("en").replaceAll(",", "\u202f")
      : Math.abs(number) < 5e-4 ? number.toExponential(1).replace(/e([-+])(\d)$/, "e$10$2") : number.toFixed(3);
    return shown.replaceAll("-", "−");
  };

  const open = async (details) => {
    const body = details.querySelector("tbody"), said = details.querySelector("p");
    const address = new URL(details.dataset.rows, document.baseURI);
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`${address.pathname}: ${answer.status}`);
    const rows = parse(await answer.text()).slice(1);
    const texts = new Set(JSON.parse(details.dataset.texts)); // columns that hold no numbers, whatever they look like
    const last = Math.ceil(rows.length / ROWS) - 1;
    let page = 0;
    const pager = document.createElement("div");
    pager.className = "wb-pager";
    pager.setAttribute("role", "group");
    pager.setAttribute("aria-label", "Pages of the table");
    const status = document.createElement("span");
    status.setAttribute("role", "status");
    const buttons = Object.entries({ First: () => 0, Previous: () => page - 1, Next: () => page + 1, Last: () => last }).map(([name, target]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => show(Math.min(Math.max(target(), 0), last)));
      return button;
    });
    const show = (wanted) => {
      page = wanted;
      const start = page * ROWS, shown = rows.slice(start, start + ROWS);
      body.replaceChildren(...shown.map((row) => {
        const line = document.createElement("tr");
        line.append(...row.map((text, column) => {
          const cell = document.createElement("td");
          cell.textContent = texts.has(column) ? text : written(text);
          return cell;
        }));
        return line;
      }));
      status.textContent = `Rows ${start + 1} to ${start + shown.length} of ${rows.length}`;
      // Kept in reach of the keyboard, which loses its place on a button that is disabled.
      buttons.forEach((button, i) => button.setAttribute("aria-disabled", i < 2 ? page === 0 : page === last));
      details.querySelector(".wb-scroll").scrollTop = 0;
    };
    pager.append(...buttons, status);
    said.replaceWith(pager);
    show(0);
  };

  for (const details of document.querySelectorAll(".wb-table[data-rows]")) {
    details.addEventListener("toggle", () => {
      if (location.protocol === "file:") return; // where no script may read files
      open(details).catch((error) => { details.querySelector("p").textContent += ` It could not be read (${error.message}).`; });
    }, { once: true });
  }
})();
