// Adds and removes a segment's conditions at once; without this script the server does it.
document.addEventListener("click", (event) => {
  const button = event.target.closest('button[name="_arrange"]');
  const form = document.getElementById("new-condition");
  if (!button || !form) return;
  const [verb, place] = button.value.split("-");
  if (verb === "remove" && document.querySelectorAll(".cueline-condition").length > 1) {
    const group = button.closest(".cueline-group");
    if (group.querySelectorAll(".cueline-condition").length === 1) return;
    event.preventDefault();
    button.closest(".cueline-condition").remove();
    group.querySelector("select").focus();
  }
  if (verb === "add") {
    event.preventDefault();
    const number = form.dataset.next;
    form.dataset.next = Number(number) + 1;
    const html = form.innerHTML.replaceAll("NUMBER", number).replaceAll("GROUP", place);
    button.insertAdjacentHTML("beforebegin", html);
    document.querySelector(`[name="row-${number}-kind"]`).focus();
  }
});
