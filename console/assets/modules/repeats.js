// Earlier tickets that may be of the same matter. Linking one fills in a field; what counts is the agent's decision.

const at = (id) => document.getElementById(id);
const moment = (iso) =>
  new Date(iso).toLocaleString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });

function make(name, fields, ...children) {
  const element = Object.assign(document.createElement(name), fields);
  element.append(...children);
  return element;
}

// `link(number)` is called with the ticket to link to, or "" to undo it.
export function showRepeats({ likely }, linked, mine, link) {
  const buttons = () => [...at("repeats-list").querySelectorAll("button")];
  const focused = buttons().indexOf(document.activeElement);
  at("repeats").hidden = !likely.length;
  at("repeats-list").replaceChildren(
    ...likely.map((other) => {
      const chosen = other.number === linked;
      const button = make("button", { type: "button", textContent: chosen ? "不并" : "并单", disabled: !mine });
      button.setAttribute("aria-pressed", String(chosen));
      button.setAttribute("aria-label", `${chosen ? "不并" : "并单"}:工单 ${other.number}`);
      button.addEventListener("click", () => link(chosen ? "" : other.number));
      const title = make("a", { href: `/calls/${encodeURIComponent(other.call_id)}`, target: "_blank", textContent: other.title });
      const facts = `${moment(other.at)} · ${other.status} · 相似度 ${Math.round(other.score * 100)}% · ${other.reasons.join(",")}`;
      return make("li", {}, button, " ", title, make("small", { textContent: ` ${facts}`, title: facts }));
    }),
  );
  buttons()[focused]?.focus(); // who works by keyboard stays where he was
}
