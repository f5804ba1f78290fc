// Which calls come next: those the list was narrowed to when it was last seen in this tab.

const KEPT = "queue";
// (What was searched for is one call, and no queue.)
const NARROWING = ["tab", "hotline", "county", "since", "until"];

export function rememberQueue() {
  const form = document.getElementById("next");
  if (form?.tagName !== "FORM") return;
  const fields = [...new FormData(form)].filter(([name, value]) => NARROWING.includes(name) && value);
  sessionStorage.setItem(KEPT, new URLSearchParams(fields).toString());
}

export const readQueue = () => sessionStorage.getItem(KEPT) ?? "";

// The list shows what has changed, unless somebody has gone on to its further pages or is about to press something.
export function refreshList({ stamp, waiting, owed }) {
  const list = document.getElementById("list");
  if (!list) return;
  const now = `${stamp}/${waiting}/${owed}`;
  const before = list.dataset.stamp;
  list.dataset.stamp = now;
  if (before === undefined || before === now) return;
  if (list.dataset.longer || document.querySelector(".htmx-request")) return;
  window.htmx.ajax("GET", location.pathname + location.search, {
    target: "#list",
    swap: "outerHTML",
    headers: { "X-Background": "1" },
  }).then(() => {
    document.getElementById("list").dataset.stamp = now;
  });
}
