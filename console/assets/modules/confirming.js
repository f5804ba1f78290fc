// `data-confirm="…"` on a form: what it does is asked about first, in the page's own words.

export function listenForConfirmations() {
  const dialog = document.getElementById("confirm");
  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (!question || event.target.dataset.confirmed) return;
    event.preventDefault();
    document.getElementById("confirm-told").textContent = question;
    dialog.returnValue = "";
    dialog.onclose = () => {
      if (dialog.returnValue !== "yes") return;
      event.target.dataset.confirmed = "1";
      event.target.requestSubmit();
    };
    dialog.showModal();
  });
}
