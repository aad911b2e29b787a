// On a phone the names of a list's columns stand before the cells.
document.addEventListener("DOMContentLoaded", () => {
  for (const cell of document.querySelectorAll("#result_list [data-label]")) {
    cell.dataset.label = cell.dataset.label.replace(/^./, (first) => first.toUpperCase());
  }
});
// Escape closes what lies over the page: filters, account, and the menu of a phone.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector(".cueline-filters[open], .cueline-account[open]");
  if (open) {
    open.open = false;
    open.querySelector("summary").focus();
    return;
  }
  const closing = document.querySelector("#nav-sidebar-inner .cueline-icon");
  if (closing?.checkVisibility() && closing.getBoundingClientRect().left >= 0) {
    closing.click();
    [...document.querySelectorAll("header .cueline-icon")].find((each) => each.checkVisibility())?.focus();
  }
});
