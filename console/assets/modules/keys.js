// Keys. `data-key="n"` on a button, link or field: pressing n clicks it (or goes to the field). Never while one types.

const typing = (target) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName));

export function listenForKeys() {
  const sheet = document.getElementById("keys");
  document.querySelector("[data-keys-open]")?.addEventListener("click", () => sheet.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return; // the dialog's own
    if (event.key === "Escape" && typing(event.target)) {
      event.preventDefault(); // a search field would clear itself
      event.target.blur();
      return;
    }
    if (typing(event.target)) return;
    if (event.key === "?") {
      event.preventDefault();
      sheet.showModal();
      return;
    }
    const meant = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!meant) return;
    event.preventDefault();
    if (typing(meant)) {
      meant.focus();
      meant.select?.();
    } else {
      meant.click();
    }
  });
}
