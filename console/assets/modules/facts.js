// What the page tells of the call and of its tickets' state, in words.

const at = (id) => document.getElementById(id);
const DELIVERY = { pending: "待送达", accepted: "已送达", dead: "被拒收" };

const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;
const moment = (iso) =>
  new Date(iso).toLocaleString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "medium" });

function list(id, entries) {
  at(id).replaceChildren(
    ...entries.map(([text, kind, title]) => {
      const item = document.createElement("li");
      item.textContent = text;
      if (kind) item.className = kind;
      if (title) item.title = title;
      return item;
    }),
  );
}

const WEIGHTS = ["bad", "", "quiet"];

function weigh(text) {
  if (/危险|险情|不要透露|安全/.test(text)) return "bad";
  return /^演示模型/.test(text) ? "quiet" : "";
}

export function showCall({ call, second, lines, tickets, shift }) {
  const since = new Date(shift.began).toLocaleTimeString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai", timeStyle: "short" });
  at("shift").textContent = `本班已审 ${shift.reviewed} · 待审 ${shift.waiting}`;
  at("shift").title = `您从 ${since} 起审核的工单;待审的来电`;
  document.title = `审核 ${call.caller || "未显示号码"} · 12345 热线`;
  at("caller").textContent = call.caller || "未显示号码";
  const line = [call.hotline, call.line].filter(Boolean).join(" ");
  const length = call.duration_s === null ? "通话中" : `通话 ${clock(Math.round(call.duration_s))}`;
  at("facts").textContent = `${line} · ${moment(call.started_at)} · ${length}`;
  const flags = [];
  if (!call.ended) flags.push(["通话还在进行", "warn"]);
  if (call.interrupted) flags.push(["通话中断", "warn"]);
  if (call.late === "wanted") flags.push(["录音待转写", "warn"]);
  if (second) {
    const changed = lines.filter((one) => one.before !== undefined).length;
    flags.push([`已重听,改了 ${changed} 句`, "", `通话中:${second.first};重听:${second.then}。划去的是通话中听到的`]);
  }
  if (!tickets.length) flags.push([call.reason ? "没有工单" : "工单还没有生成", ""]);
  list("flags", flags);
}

export function showState({ tickets }, current, choose) {
  const ticket = tickets[current];
  const { delivery, review } = ticket;
  const state = [[`第 ${ticket.revision} 版`, ""]];
  state.push([ticket.status, { 待审核: "warn", 已审核: "good", 已退回: "bad" }[ticket.status]]);
  if (delivery) {
    const kind = { pending: "", accepted: "good", dead: "bad" }[delivery.state];
    const trouble = delivery.state !== "accepted" && delivery.last_error;
    const tries = delivery.state === "pending" && delivery.attempts > 1 ? `,已试 ${delivery.attempts} 次` : "";
    state.push([`${DELIVERY[delivery.state]}${tries}`, kind, trouble || delivery.intake_number || ""]);
  }
  if (ticket.urged) state.unshift(["催办", "warn", `来电人说:“${ticket.urged}”`]);
  if (ticket.fields.urgency === "特急") state.unshift(["特急", "bad"]);
  list("state", state);
  const notes = ticket.notes.map((text) => [text.replace(/(须回电.*)[,,]须回电$/, "$1"), weigh(text)]); // a flow may say so itself
  if (ticket.proposal) {
    const { lead_unit: lead, support_units: support, days, reason } = ticket.proposal;
    const helping = support.length ? `,协办 ${support.join("、")}` : "";
    notes.push([`建议派单:主办 ${lead}${helping},${days} 个工作日内`, "", reason]);
  }
  at("identity").hidden = !ticket.identity; // which is asked for by few flows
  at("identity").querySelector("output").textContent = ticket.identity;
  if (ticket.said) notes.push([`原话地点:${ticket.said}`]);
  if (ticket.point) notes.push([`坐标(经度,纬度):${ticket.point},据坐标点文件`]);
  if (review?.reason) notes.push([`退回原因:${review.reason}(${review.agent})`]);
  else if (review) notes.push([`${review.agent} 审核于 ${moment(review.at)}`]);
  if (ticket.calls) notes.push([`这个号码 90 天内还打过 ${ticket.calls} 次`]);
  if (review?.later_words) notes.unshift(["审核之后又有新的转写文字,请核对后再接受一次"]);
  const weight = ([, kind]) => WEIGHTS.indexOf(kind ?? "");
  list("notes", notes.sort((a, b) => weight(a) - weight(b))); // danger first, last what is the same of all tickets
  at("ticket-title").textContent = `工单 ${ticket.number}`;
  at("tabs").replaceChildren(
    ...(tickets.length < 2 ? [] : tickets).map((other, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = `${index + 1} ${other.status === "待审核" ? "" : "✓"}`;
      button.setAttribute("aria-pressed", String(index === current));
      button.setAttribute("aria-label", `第 ${index + 1} 张工单,${other.status}`);
      button.addEventListener("click", () => choose(index));
      return button;
    }),
  );
}
