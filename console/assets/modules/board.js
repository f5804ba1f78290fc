// Cards of the calls in progress.
import { sound } from "./sound.js";

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

export class Board {
  constructor(container, hotlines) {
    this.container = container;
    this.hotlines = hotlines;
    this.clear();
  }

  clear() {
    this.calls = new Map();
    this.cards = new Map();
    this.gateways = new Map();
    this.container.replaceChildren();
  }

  take({ calls, gone, gateways }) {
    for (const { name, up } of gateways) this.gateways.set(name, up);
    for (const id of gone) {
      this.calls.delete(id);
      this.cards.get(id)?.remove();
      this.cards.delete(id);
    }
    for (const call of calls) {
      this.calls.set(call.call_id, call);
      this.draw(call);
    }
    sound([...this.calls.values()].filter((call) => call.danger).map((call) => call.call_id));
    this.sort();
    this.tick();
    document.getElementById("count").textContent = this.calls.size;
    document.getElementById("empty").hidden = this.calls.size > 0;
    document.getElementById("gateways").replaceChildren(
      ...[...this.gateways].map(([name, up]) => make("li", up ? "good" : "bad", up ? `${name} 正常` : `${name} 连不上`)),
    );
  }

  // Emergencies first, then who has been on the line for longest.
  sort() {
    const order = [...this.calls.values()].sort(
      (a, b) => b.danger - a.danger || a.started_at.localeCompare(b.started_at),
    );
    order.forEach((call, index) => {
      const card = this.cards.get(call.call_id);
      if (this.container.children[index] !== card) this.container.insertBefore(card, this.container.children[index] ?? null);
    });
  }

  draw(call) {
    let card = this.cards.get(call.call_id);
    if (!card) {
      card = make("article", "live");
      card.dataset.call = call.call_id;
      this.cards.set(call.call_id, card);
    }
    card.className = `live${call.danger ? " danger" : ""}${call.lost ? " lost" : ""}`;
    const head = make("h2");
    const link = make("a", "", call.caller || "未显示号码");
    link.href = `/calls/${encodeURIComponent(call.call_id)}`;
    head.append(link);
    head.append(make("time", ""));
    const line = `${call.hotline} ${this.hotlines[call.hotline] ?? ""}`.trim();
    const facts = make("p", "facts", [line, call.place, call.brief].filter(Boolean).join(" · "));
    const flags = make("ul", "flags");
    const told = [
      [call.danger, "bad", `特急:${call.alarm || "可能有危险"}`],
      [call.lost, "bad", "网关连不上,情况不明"],
      [call.hung_up, "", "已挂机"],
      [call.call_back, "warn", /须回电|须由/.test(call.call_back) ? call.call_back : `${call.call_back},须回电`],
      [call.deaf, "warn", "语音识别不可用,改用按键"],
      ...call.numbers.map((number) => [true, "good", `工单 ${number}`]),
    ];
    flags.append(...told.filter(([holds]) => holds).map(([, kind, text]) => make("li", kind, text)));
    const lines = make("ol");
    lines.tabIndex = 0;
    lines.setAttribute("aria-label", "刚才说的话");
    lines.append(...call.lines.map(({ who, text }) => make("li", who, text)));
    if (call.partial) lines.append(make("li", "now", call.partial));
    card.replaceChildren(head, facts, flags, lines);
    lines.scrollTop = lines.scrollHeight;
  }

  tick() {
    for (const [id, card] of this.cards) {
      const seconds = Math.max(0, (Date.now() - Date.parse(this.calls.get(id).started_at)) / 1000);
      card.querySelector("time").textContent = clock(seconds);
    }
  }
}
