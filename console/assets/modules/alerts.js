// A 特急 is told on every page: in the title, in a bar, by a sound; and that the login ends soon.

import { sound } from "./sound.js";
import { followStream } from "./stream.js";

const at = (id) => document.getElementById(id);

let prefix = "";

function keepTitle() {
  const plain = document.title.replace(/^\(特急 \d+\) /, "");
  if (document.title !== prefix + plain) document.title = prefix + plain;
}

function showUrgent(urgent) {
  const here = at("review")?.dataset.call;
  const free = urgent.filter(({ holder, call_id: id }) => !holder && id !== here);
  prefix = free.length ? `(特急 ${free.length}) ` : "";
  keepTitle();
  at("urgent").hidden = !free.length;
  at("urgent-told").textContent = free.length ? `特急 ${free.length} 件无人处理:${free[0].title}` : "";
  at("badge").textContent = free.length || "";
  at("badge").hidden = !free.length;
  if (free.length) sound(free.map(({ call_id: id }) => id));
}

function showExpiring(seconds) {
  at("expiring").hidden = false;
  at("expiring-told").textContent = `已有一段时间没有操作,约 ${Math.max(1, Math.round(seconds / 60))} 分钟后退出登录。`;
}

async function stay() {
  const csrf = document.querySelector("meta[name=csrf]").content;
  const answer = await fetch("/stay", { method: "POST", headers: { "X-CSRF-Token": csrf, Accept: "application/json" } });
  if (answer.ok) at("expiring").hidden = true;
}

// What somebody does on an open page counts as use of the login, whatever else it sends.
function listenForUse() {
  const EVERY_MS = 60 * 1000;
  let last = Date.now();
  for (const kind of ["keydown", "pointerdown"]) {
    document.addEventListener(kind, () => {
      if (Date.now() - last < EVERY_MS && at("expiring").hidden) return;
      last = Date.now();
      stay().catch(() => {});
    }, true);
  }
}

// `changed(work)`: something about the list is another.
export function listenForAlerts(changed) {
  const bar = at("urgent");
  if (!bar) return; // nobody is logged in
  new MutationObserver(keepTitle).observe(document.querySelector("title"), { childList: true });
  const take = (told) => {
    if (told.kind === "work") {
      showUrgent(told.urgent);
      document.dispatchEvent(new CustomEvent("dialled", { detail: told.dialled }));
      changed(told);
    } else if (told.kind === "expiring") showExpiring(told.seconds);
  };
  at("stay").addEventListener("click", () => stay().catch(() => {}));
  listenForUse();
  const { watch } = document.querySelector("meta[name=watch]").dataset;
  if (window.SharedWorker) {
    const { port } = new SharedWorker(watch);
    port.onmessage = ({ data }) => take(data);
    addEventListener("pagehide", () => port.postMessage("gone"));
    return;
  }
  followStream(take); // a telephone's browser
}
