// Fills the frames of a mail that is typed and not saved, one after another; without it the buttons do.
"use strict";
(() => {
  const buttons = [...document.querySelectorAll("[data-fills]")];
  const fillNext = () => {
    const button = buttons.shift();
    if (!button) return;
    const [frame] = document.getElementsByName(button.dataset.fills);
    frame.addEventListener("load", fillNext, { once: true });
    button.form.requestSubmit(button);
    button.hidden = true;
  };
  fillNext();
})();
