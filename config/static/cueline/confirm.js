/* Confirms on the reader's first touch or key on the page, never alone: programs that check links run
   scripts too. The button works without this script. */
"use strict";
(() => {
  const form = document.getElementById("confirm");
  const hint = document.getElementById("by-gesture");
  if (!form || !hint) return;
  // Keys that move, undo or begin a shortcut are no answer.
  const PASSING = new Set(["Tab", "Escape", "Shift", "Control", "Alt", "AltGraph", "Meta", "OS", "CapsLock",
    "NumLock", "ScrollLock", "Fn", "FnLock", "PrintScreen", "ContextMenu", "Unidentified", "Dead"]);
  let isSent = false;

  const isShortcut = (event) => event.ctrlKey || event.metaKey || event.altKey || /^F\d/.test(event.key);
  const isAnswer = (event) => {
    if (event.type === "keydown") return !event.repeat && !PASSING.has(event.key) && !isShortcut(event);
    return event.type !== "pointerdown" || (event.isPrimary && event.button === 0);
  };
  const isOnButton = (event) => event.target instanceof Element && event.target.closest("button") !== null;

  const onGesture = (event) => {
    if (isSent || !event.isTrusted || !isAnswer(event)) return;
    // The button's own click follows, and reports the button.
    if (isOnButton(event)) return;
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    isSent = true;
    form.elements.namedItem("by").value = "gesture";
    form.submit();
  };

  for (const type of ["pointerdown", "touchend", "keydown"]) {
    document.addEventListener(type, onGesture, { passive: true });
  }
  // On a slow connection every further touch would restart the request.
  form.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
  // After the browser's Back button.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isSent = false;
    form.elements.namedItem("by").value = "button";
  });
  hint.hidden = false;
})();
