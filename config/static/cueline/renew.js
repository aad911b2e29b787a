// Loads the page again while it shows work under way, unless somebody is using it by keyboard.
const underWay = document.querySelector("[data-renew-seconds]");
if (underWay) {
  setInterval(() => {
    if (document.activeElement === document.body && !document.hidden) location.reload();
  }, 1000 * Number(underWay.dataset.renewSeconds));
}
