// From call to call: the next one of the list, and those this tab has been at.
import { Refusal, ask } from "./api.js";
import { readQueue } from "./queue.js";

const PAST = "past"; // the calls this tab has been at, the last one last
const KEPT = 50;

// The next call, which is one's own then: its address, or how many others hold.
export async function findNext(here) {
  const body = new URLSearchParams(readQueue());
  body.set("csrf", document.querySelector("meta[name=csrf]").content);
  body.set("besides", here);
  const answer = await fetch("/next", { method: "POST", body, headers: { Accept: "application/json" } });
  if (answer.status === 204) return { held: Number(answer.headers.get("X-Held")) };
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})));
  return answer.json();
}

// The waveform of the call that will probably come next is computed meanwhile; the call is nobody's for that.
export async function lookAhead(here) {
  const asked = new URLSearchParams(readQueue());
  asked.set("besides", here);
  const next = await ask("GET", `/next?${asked}`, undefined, { background: true });
  if (next) await fetch(`${next.url}/peaks`, { headers: { "X-Background": "1" } });
}

export function readPast(here) {
  return JSON.parse(sessionStorage.getItem(PAST) ?? "[]").filter((id) => id !== here);
}

const keep = (ids) => sessionStorage.setItem(PAST, JSON.stringify(ids.slice(-KEPT)));

export function leave(here, url) {
  keep([...readPast(here), here]);
  location.assign(url);
}

export function takePast(here) {
  const past = readPast(here);
  const last = past.pop();
  keep(past);
  return last;
}
