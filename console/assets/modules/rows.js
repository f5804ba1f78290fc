// j and k go through the rows of a list by their links, c presses the row's claim button; the row stays where it was.

const links = () => [...document.querySelectorAll("#list tbody tr td.title a")];
const rowOf = (element) => element?.closest?.("#list tbody tr");

export function listenForRows() {
  let focused; // the call whose row is being exchanged while it has the focus
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, dialog")) return;
    if (event.key === "j" || event.key === "k") {
      const all = links();
      const here = all.indexOf(rowOf(document.activeElement)?.querySelector("td.title a"));
      const next = event.key === "j" ? here + 1 : here < 0 ? all.length - 1 : here - 1;
      all[Math.max(0, Math.min(all.length - 1, next))]?.focus();
      event.preventDefault();
    } else if (event.key === "c") {
      rowOf(document.activeElement)?.querySelector("[data-claim]")?.click();
    }
  });
  // A row that was exchanged takes the focus with it: the keys go on from there.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const row = event.detail.target?.id === "list" ? rowOf(document.activeElement) : rowOf(event.detail.target);
    if (row?.dataset.call && row.contains(document.activeElement)) focused = row.dataset.call;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target?.matches?.("tr.more")) document.getElementById("list").dataset.longer = "1";
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (!focused) return;
    document.querySelector(`tr[data-call="${CSS.escape(focused)}"] td.title a`)?.focus();
    focused = undefined;
  });
}
