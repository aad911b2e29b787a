/* Where the workspace allows it: confirms on a tap or click anywhere on the page, never alone, since
   programs that check links run scripts too. Scrolling, swiping, selecting text and keys are no
   answer. The button works without this script. */
"use strict";
(() => {
  const form = document.getElementById("confirm");
  const hint = document.getElementById("by-gesture");
  if (!form || !hint) return;
  // Farther than a finger trembles: the pointer was dragged.
  const FAR = 10;
  let pressed = null;
  let isSent = false;

  const isStill = (event) =>
    pressed !== null &&
    Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) < FAR &&
    window.scrollX === pressed.scrollX && window.scrollY === pressed.scrollY;
  // A key's click has no count.
  const isAnswer = (event) => event.isTrusted && event.detail > 0 && event.button === 0 && isStill(event);
  const isOnButton = (event) => event.target instanceof Element && event.target.closest("button") !== null;

  document.addEventListener("pointerdown", (event) => {
    pressed = event.isPrimary
      ? { x: event.clientX, y: event.clientY, scrollX: window.scrollX, scrollY: window.scrollY }
      : null;
  }, { passive: true });
  document.addEventListener("click", (event) => {
    // The button's click sends the form, and reports the button.
    if (isSent || isOnButton(event) || !isAnswer(event)) return;
    if (document.visibilityState !== "visible" || !document.hasFocus()) return;
    isSent = true;
    form.elements.namedItem("by").value = "gesture";
    form.submit();
  });
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
