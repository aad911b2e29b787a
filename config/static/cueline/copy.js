// Adds a button to every element with `data-copy`: it copies the attribute's text, else the element's.
"use strict";
(() => {
  if (!navigator.clipboard) return; // Only https and this machine have one.
  for (const place of document.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "cueline-copy";
    button.textContent = "Copy";
    const text = place.dataset.copy || place.textContent;
    if (place.dataset.copy) button.setAttribute("aria-label", `Copy the path ${text}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    place.after(" ", button);
  }
})();
