// Puts rows that came since into a list, and says so; asks only while somebody looks at it.
"use strict";
(() => {
  const EVERY = 5000;
  // A page that asks by itself is no use of the session.
  const OURS = { headers: { "X-Cueline-Live": "1" }, redirect: "manual" };
  const place = document.querySelector(".cueline-live");
  let timer = null;

  const keyOf = (row) => row.querySelector("a[href]")?.getAttribute("href");

  // Somebody who is in a row by keyboard keeps it, and gets a link instead.
  const mayChange = (table) => table && !table.contains(document.activeElement);

  function link(words) {
    const shown = document.createElement("a");
    shown.href = location.href;
    shown.textContent = `${words}: show`;
    place.replaceChildren(shown);
    place.dataset.said = words;
  }

  async function show(words) {
    const table = document.querySelector("#result_list");
    if (!mayChange(table)) return link(words);
    const answer = await fetch(location.href, OURS);
    if (!answer.ok) return link(words);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const [rows, shown] = [fresh.querySelector("#result_list"), fresh.querySelector(".cueline-live")];
    if (!rows || !shown || !mayChange(table)) return link(words);
    const known = new Set([...table.tBodies].map(keyOf));
    for (const row of rows.tBodies) row.classList.toggle("cueline-new", !known.has(keyOf(row)));
    table.replaceWith(rows);
    place.dataset.address = shown.dataset.address;
    place.textContent = words;
    delete place.dataset.said;
  }

  async function look() {
    if (document.visibilityState !== "visible") return;
    try {
      const answer = await fetch(place.dataset.address, OURS);
      // The session ended, or the list is not theirs to see.
      if (!answer.ok && answer.status < 500) return clearInterval(timer);
      const { words } = await answer.json();
      if (words && words !== place.dataset.said) await show(words);
    } catch {
      // Asked again in a moment.
    }
  }

  timer = setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
})();
