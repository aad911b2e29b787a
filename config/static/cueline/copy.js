// Adds a button that copies its text to every element with `data-copy`.
"use strict";
(() => {
  if (!navigator.clipboard) return;
  for (const place of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "cueline-copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy the path ${place.dataset.copy}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(place.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    place.after(" ", button);
  }
})();
