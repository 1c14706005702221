// The table of the census: sorted by a heading, filtered by task and words. What is chosen is in the address.
(() => {
  "use strict";
  const table = document.querySelector(".wb-wild"), form = document.querySelector(".wb-wild-filter");
  if (!table || !form) return;
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const status = form.querySelector("[role=status]"), found = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  let sorted = "";

  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  const compare = (column, numbers) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (!numbers) return x.localeCompare(y, "en");
    return (x === "" || x === "–") - (y === "" || y === "–") || Number(y) - Number(x); // the largest first, what has none last
  };

  const show = () => {
    const task = form.elements.task.value, words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      row.hidden = (task && row.dataset.task !== task) || !words.every((word) => found.get(row).includes(word));
      if (!row.hidden) left += 1;
    }
    const column = heads.findIndex((head) => head.textContent === sorted);
    const order = column < 0 ? rows : [...rows].sort(compare(column, heads[column].dataset.kind === "number"));
    body.append(...order);
    heads.forEach((head, i) => {
      if (i === column) head.setAttribute("aria-sort", head.dataset.kind === "number" ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    status.textContent = `${left} of ${rows.length} networks`;
  };

  const read = () => {
    const address = new URLSearchParams(location.search), task = address.get("task") ?? "";
    form.elements.task.value = [...form.elements.task.options].some((option) => option.value === task) ? task : "";
    form.elements.words.value = address.get("words") ?? "";
    sorted = address.get("sort") ?? "";
    show();
    open();
  };

  const note = () => {
    const address = new URL(location.href), chosen = { task: form.elements.task.value, words: form.elements.words.value, sort: sorted };
    for (const [name, text] of Object.entries(chosen)) {
      if (text) address.searchParams.set(name, text);
      else address.searchParams.delete(name);
    }
    history.replaceState(history.state, "", address);
    show();
  };

  // A link to a network opens what is known of it, whatever is filtered.
  const open = () => {
    const row = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!row || !found.has(row)) return;
    if (row.hidden) { form.reset(); note(); }
    row.querySelector("details").open = true;
    row.scrollIntoView({ block: "center" });
  };

  for (const head of heads) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.addEventListener("click", () => { sorted = sorted === head.textContent ? "" : head.textContent; note(); });
    head.replaceChildren(button);
  }
  form.hidden = false;
  form.addEventListener("input", note);
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("popstate", read);
  addEventListener("hashchange", open);
  read();
})();
