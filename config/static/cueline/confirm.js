/* Confirms by the reader's first touch or key on the page, never by itself: programs that open links
   to look at them run scripts, too. The button does the same without this. */
"use strict";
(() => {
  const form = document.getElementById("confirm");
  const hint = document.getElementById("by-gesture");
  if (!form || !hint) return;
  // Those that move about, undo, or begin a shortcut are no answer.
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
    // The button's own click follows, and says that it was the button.
    if (isOnButton(event)) return;
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    isSent = true;
    form.elements.namedItem("by").value = "gesture";
    form.submit();
  };

  for (const type of ["pointerdown", "touchend", "keydown"]) {
    document.addEventListener(type, onGesture, { passive: true });
  }
  // On a slow line an impatient reader would begin the request anew with every touch.
  form.addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
  // Back from where the form led.
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isSent = false;
    form.elements.namedItem("by").value = "button";
  });
  hint.hidden = false;
})();
