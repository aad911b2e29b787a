// Says above a list how many rows came since it was shown; asks only while somebody looks at it.
"use strict";
(() => {
  const place = document.querySelector(".cueline-live");
  const EVERY = 5000;
  let timer = null;

  async function look() {
    if (document.visibilityState !== "visible") return;
    let words = "";
    try {
      const answer = await fetch(place.dataset.address, { headers: { Accept: "application/json" }, redirect: "manual" });
      // The session ended, or the list is not theirs to see.
      if (!answer.ok && answer.status < 500) return clearInterval(timer);
      words = (await answer.json()).words;
    } catch {
      return;
    }
    if (!words || words === place.textContent) return;
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = words;
    place.replaceChildren(link);
  }

  timer = setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
})();
