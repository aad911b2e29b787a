// Shows the buttons that copy a text; without this script the text is selected by a click.
for (const button of document.querySelectorAll("[data-copies]")) {
  if (!navigator.clipboard) continue; // Only https and this machine have one.
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    const words = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}
