// Which calls come next: those the list was narrowed to when it was last seen in this tab.

const KEPT = "queue";
// (What was searched for is one call, and no queue.)
const NARROWING = ["tab", "hotline", "county", "category", "hour", "came", "since", "until"];

export function rememberQueue() {
  const form = document.getElementById("next");
  if (form?.tagName !== "FORM") return;
  const fields = [...new FormData(form)].filter(([name, value]) => NARROWING.includes(name) && value);
  sessionStorage.setItem(KEPT, new URLSearchParams(fields).toString());
}

export const readQueue = () => sessionStorage.getItem(KEPT) ?? "";

let told = null; // what the stream said of the list last

// The list shows what has changed since it was rendered, unless somebody has gone on to its further pages.
export function refreshList({ stamp }) {
  told = stamp;
  const list = document.getElementById("list");
  if (!list || list.dataset.longer || list.dataset.stamp === told) return;
  if (document.querySelector(".htmx-request")) return; // what it brings may be of before: see listenForLists
  bring();
}

function bring() {
  told = null;
  window.htmx.ajax("GET", location.pathname + location.search, {
    target: "#list",
    swap: "outerHTML",
    headers: { "X-Background": "1" },
  });
}

// What was told while something else was under way is looked at once that is there.
export function listenForLists() {
  document.addEventListener("htmx:afterSettle", () => {
    rememberQueue();
    if (told) refreshList({ stamp: told });
  });
}
