// The ledger's filter: by article, verdict, and network or study. What is chosen is in the address.
(() => {
  "use strict";
  const form = document.querySelector(".wb-ledger-filter");
  if (!form) return;
  const NAMES = ["article", "verdict", "of"], status = form.querySelector("[role=status]");
  const claims = [...document.querySelectorAll(".wb-claim")];
  // A heading goes with the claims up to the next one.
  const headings = new Map();
  for (const claim of claims) {
    let heading = claim.previousElementSibling;
    while (heading && heading.tagName !== "H2") heading = heading.previousElementSibling;
    headings.set(heading, [...(headings.get(heading) ?? []), claim]);
  }

  const show = () => {
    const chosen = Object.fromEntries(NAMES.map((name) => [name, form.elements[name].value]));
    let verdicts = 0;
    for (const claim of claims) {
      const asked = !chosen.article || claim.dataset.articles.split(" ").includes(chosen.article);
      let left = 0;
      for (const row of claim.querySelectorAll("tbody tr")) {
        row.hidden = !asked || ["verdict", "of"].some((name) => chosen[name] && row.dataset[name] !== chosen[name]);
        if (!row.hidden) left += 1;
      }
      claim.hidden = !left;
      const folded = claim.querySelector("details");
      if (folded) folded.open = Boolean(chosen.verdict || chosen.of);
      verdicts += left;
    }
    for (const [heading, below] of headings) if (heading) heading.hidden = below.every((claim) => claim.hidden);
    const shown = claims.filter((claim) => !claim.hidden).length;
    status.textContent = `${shown} of ${claims.length} claims, ${verdicts} verdict${verdicts === 1 ? "" : "s"}`;
  };

  const read = () => {
    const address = new URLSearchParams(location.search);
    for (const name of NAMES) {
      const select = form.elements[name], value = address.get(name) ?? "";
      select.value = [...select.options].some((option) => option.value === value) ? value : "";
    }
    show();
  };

  const note = () => {
    const address = new URL(location.href);
    for (const name of NAMES) {
      if (form.elements[name].value) address.searchParams.set(name, form.elements[name].value);
      else address.searchParams.delete(name);
    }
    address.hash = "";
    history.replaceState(history.state, "", address);
    show();
  };

  form.hidden = false;
  form.addEventListener("change", note);
  form.addEventListener("reset", () => setTimeout(note)); // once the choices are back
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("popstate", read);
  // A link to a claim or network that is filtered out shows everything.
  addEventListener("hashchange", () => {
    if (document.getElementById(decodeURIComponent(location.hash.slice(1)))?.hidden) form.reset();
  });
  read();
})();
