// The cluster explorer: another number of clusters or another layer in a table that the page already holds.
(() => {
  "use strict";
  const number = (value, digits) => value.toFixed(digits).replace("-", "−");
  const element = (tag, className, parent) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    parent?.append(made);
    return made;
  };

  const start = (box) => {
    const controls = box.querySelector(".wb-clusters-controls");
    const slider = controls.querySelector("input[type=range]"), shown = controls.querySelector("output");
    const said = box.querySelector(".wb-clusters-said"), head = box.querySelector("thead tr");
    let loading;
    // Not before it is asked for: the page already shows the first choice.
    const load = () => (loading ??= fetch(box.dataset.url).then((answer) => {
      if (!answer.ok) throw new Error(`${box.dataset.url}: ${answer.status}`);
      return answer.json();
    }));

    const drawHeads = (data, view, line) => {
      head.querySelectorAll("th:not(:first-child)").forEach((cell) => cell.remove());
      const [picture, columns, tall] = data.sheet, tile = data.tile;
      view.index.forEach((index, i) => {
        const cell = element("th", "", head);
        cell.scope = "col";
        const centre = element("span", "wb-centre", cell);
        centre.style.background = `url(${picture}) ${-i * tile}px ${-line * tile}px / ${columns * tile}px ${tall * tile}px`;
        centre.setAttribute("role", "img");
        centre.title = `cluster ${i + 1} of ${view.index.length}, ${view.units[i]} units, H ${number(index, 3)}`;
        centre.setAttribute("aria-label", centre.title);
        element("small", "", cell).textContent = number(index, 2);
      });
    };
    const drawRow = (data, row, shares, state, count) => {
      row.querySelectorAll("td").forEach((cell) => cell.remove());
      row.classList.toggle("wb-lost", Boolean(state));
      const mark = row.querySelector(".wb-state");
      mark.textContent = state ? data.marks[state] : "";
      mark.title = state ? `banding ${state}` : "";
      if (!shares) {
        const cell = element("td", "wb-none", row);
        cell.colSpan = count;
        cell.textContent = "kernels of another size";
        return;
      }
      for (const share of shares) {
        const cell = element("td", "", row);
        cell.style.setProperty("--heat", (0.68 * Math.sqrt(share / 100)).toFixed(3));
        cell.textContent = share || "";
      }
    };
    const draw = async () => {
      shown.textContent = slider.value;
      try {
        const data = await load();
        // Read again after waiting: the reader may have moved on.
        const count = slider.value, place = controls.querySelector("input[type=radio]:checked").value;
        const view = data.views[count], line = Object.keys(data.views).indexOf(count);
        said.textContent = `${count} clusters: stability ${number(view.stability, 3)}, mean adjusted Rand index over pairs of ${data.restarts} restarts (lowest ${number(view.lowest_stability, 3)})`;
        drawHeads(data, view, line);
        for (const row of box.querySelectorAll("tr[data-row]")) {
          const i = Number(row.dataset.row);
          drawRow(data, row, view.shares[place][i], data.states[place][i], Number(count));
        }
        for (const heading of box.querySelectorAll(".wb-group th")) heading.colSpan = Number(count) + 1;
        box.dataset.drawn = `${count} ${place}`;
      } catch (error) {
        said.textContent = `Other numbers of clusters could not be loaded (${error.message}). The data is linked below.`;
      }
    };

    controls.hidden = false;
    // A browser may come back to the page with the controls as the reader left them.
    controls.querySelectorAll("input").forEach((input) => { input.type === "range" ? (input.value = input.defaultValue) : (input.checked = input.defaultChecked); });
    slider.addEventListener("input", draw);
    controls.addEventListener("change", (event) => { if (event.target.type === "radio") draw(); });
  };

  document.querySelectorAll(".wb-clusters").forEach(start);
})();
