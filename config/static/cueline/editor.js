/* The editor of a sequence: warns of unsaved changes, opens all steps, adds and removes rows at once.
   Without this script the server does the last two. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("sequence_form");
  if (!form) return;
  let isChanged = form.querySelector("[data-unsaved]") !== null;

  form.addEventListener("input", () => { isChanged = true; });
  form.addEventListener("submit", (event) => {
    // A preview in another window leaves this page as it is.
    if (!event.submitter || event.submitter.formTarget !== "_blank") isChanged = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (isChanged) event.preventDefault();
  });

  const openAll = (button) => {
    const steps = [...form.querySelectorAll(".cueline-step > details")];
    const isOpen = steps.every((each) => each.open);
    steps.forEach((each) => { each.open = !isOpen; });
    const words = button.textContent;
    button.textContent = button.dataset.closes;
    button.dataset.closes = words;
  };
  const addRow = (button) => {
    const template = button.parentElement.querySelector("template");
    const number = template.dataset.next;
    template.dataset.next = Number(number) + 1;
    button.insertAdjacentHTML("beforebegin", template.innerHTML.replaceAll("__number__", number));
    button.previousElementSibling.querySelector("select, input").focus();
  };
  const removeRow = (button) => {
    const group = button.closest(".cueline-rows");
    button.closest(".cueline-condition").remove();
    group.focus();
  };
  form.addEventListener("click", (event) => {
    const button = event.target.closest('button[name="_arrange"]');
    if (!button) return;
    if (button.value === "open") openAll(button);
    else if (button.value.startsWith("rows-add-")) addRow(button);
    else if (button.value.startsWith("rows-remove-")) removeRow(button);
    else return;
    event.preventDefault();
    isChanged ||= button.value !== "open";
  });
});
