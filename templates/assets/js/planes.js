// The information plane's player: another epoch, network, estimator or run in a chart that charts.js has drawn; and
// captions that follow menus.
(() => {
  "use strict";
  const STEP = 90; // milliseconds a record
  const COLUMNS = ["i_xt", "i_ty", "i_xt_low", "i_xt_high", "i_ty_low", "i_ty_high"];
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // What a figure shows follows its menus: in the caption, and for who hears it.
  const tell = (figure, finding) => {
    figure.querySelector("figcaption strong").textContent = finding;
    figure.setAttribute("aria-label", finding);
  };

  const start = (box) => {
    const epochs = JSON.parse(box.dataset.epochs), chart = box.querySelector(".wb-chart");
    const controls = box.querySelector(".wb-planes-controls"), player = box.querySelector(".wb-planes-player");
    const [slider, button, output] = ["input", "button", "output"].map((tag) => player.querySelector(tag));
    const [configuration, estimator, run] = ["configuration", "estimator", "run"].map((name) => controls.querySelector(`select[name=${name}]`));
    const said = box.querySelector(".wb-planes-said"), files = new Map();
    let rows = null, timer = 0;

    const load = (name) => {
      const file = `information-plane-${name}.json`;
      if (!files.has(file)) {
        const asked = fetch(new URL(file, new URL(chart.dataset.spec, document.baseURI))).then((answer) => {
          if (!answer.ok) throw new Error(`${file}: ${answer.status}`);
          return answer.json();
        });
        asked.catch(() => files.delete(file)); // to be asked for again
        files.set(file, asked);
      }
      return files.get(file);
    };

    // Thousandths of a bit, each as its difference from the one before.
    const bits = (steps) => { let sum = 0; return steps.map((step) => (sum += step) / 1000); };
    const unpack = (of, paths) => Object.entries(paths ?? {}).flatMap(([layer, path]) => {
      const columns = path.map(bits);
      return columns[0].map((_, i) => Object.assign(
        { layer, epoch: epochs[of.records[i]] },
        ...columns.map((column, c) => (column.length ? { [COLUMNS[c]]: column[i] } : {})),
      ));
    });

    const describe = (file, of, seed) => {
      if (seed !== "mean") return `One run, seed ${seed}${file.died[seed] ? `, which ${file.died[seed]}` : ""}.`;
      if (!of?.runs) return `No mean to show: ${file.alive}.`;
      const runs = of.runs < file.living ? `${of.runs} of the runs` : file.alive;
      return `Mean of ${runs}${of.runs > 1 ? "; crosses reach from the least run to the greatest" : ""}.`;
    };

    const show = async () => {
      const place = Number(slider.value), view = chart.view?.view;
      output.textContent = `epoch ${epochs[place]}`;
      slider.setAttribute("aria-valuetext", output.textContent);
      if (!view) return;
      if (rows) view.data("rows", rows);
      await view.signal("place", place).runAsync();
      box.dataset.place = place;
    };

    const choose = async () => {
      const wanted = [configuration.value, estimator.value, run.value].join(" ");
      try {
        const file = await load(configuration.value);
        if (wanted !== [configuration.value, estimator.value, run.value].join(" ")) return; // the reader moved on
        const of = file.estimators[estimator.value];
        for (const option of run.options) option.disabled = option.value !== "mean" && !of?.paths[option.value];
        if (run.selectedOptions[0].disabled) run.value = "mean";
        rows = of ? unpack(of, of.paths[run.value]) : [];
        said.textContent = describe(file, of, run.value);
        tell(box.closest("figure"), of?.findings[run.value] ?? said.textContent);
        await show();
        box.dataset.drawn = [configuration.value, estimator.value, run.value].join(" ");
      } catch (error) {
        said.textContent = `These paths could not be loaded (${error.message}). The data is linked below.`;
      }
    };

    const pause = () => { clearTimeout(timer); timer = 0; button.textContent = still.matches ? "Step" : "Play"; };
    const advance = () => {
      slider.value = Number(slider.value) >= epochs.length - 1 ? 0 : Number(slider.value) + 1;
      return show();
    };
    const play = async () => {
      await advance();
      if (!timer) return;
      if (Number(slider.value) >= epochs.length - 1) pause();
      else timer = setTimeout(play, STEP);
    };
    button.addEventListener("click", () => {
      if (still.matches) { advance(); return; }
      if (timer) { pause(); return; }
      button.textContent = "Pause";
      timer = setTimeout(play);
    });
    slider.addEventListener("input", () => { pause(); show(); });
    controls.addEventListener("change", choose);
    // charts.js draws it anew when the page changes from light to dark.
    new MutationObserver(show).observe(chart, { attributes: true, attributeFilter: ["data-drawn"] });

    // A browser may come back to the page with the controls as the reader left them.
    for (const select of controls.querySelectorAll("select")) select.value = select.querySelector("option[selected]").value;
    slider.value = slider.defaultValue;
    pause();
    controls.hidden = player.hidden = false;
  };

  // Figures whose first menu has a finding for every choice.
  const follow = (script) => {
    const figure = script.closest("figure"), menu = figure.querySelector("select"), findings = JSON.parse(script.textContent);
    menu.addEventListener("change", () => tell(figure, findings[menu.value]));
  };

  document.querySelectorAll(".wb-planes").forEach(start);
  document.querySelectorAll(".wb-findings").forEach(follow);
})();
