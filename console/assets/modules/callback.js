// 待回电: whom to call, what came of it. What is owed stays in the list until somebody has been reached.
import { ask } from "./api.js";

const at = (id) => document.getElementById(id);
const moment = (iso) =>
  new Date(iso).toLocaleString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });

const SETTLES = ["已接通", "不再回电"];

export function showCallBack({ owed, attempts, dial }, why) {
  at("call-back").hidden = !owed && !attempts.length && !dial?.ready; // who has no telephone is told so where a call is owed
  const settled = attempts.some(({ result }) => SETTLES.includes(result));
  at("call-back-title").textContent = owed ? "待回电" : settled ? "已回电" : "回电";
  if (dial) showDialled(dial);
  at("call-back-why").textContent = why;
  at("call-back-form").hidden = !owed || "looks" in at("review").dataset;
  at("call-back-tries").replaceChildren(
    ...attempts.map((attempt, index) => {
      const item = document.createElement("li");
      item.textContent = `第 ${index + 1} 次 ${moment(attempt.at)} ${attempt.agent} ${attempt.result}${attempt.note ? `:${attempt.note}` : ""}`;
      return item;
    }),
  );
}

const OVER = "已结束";
let last = "";

// How one's call from the page stands; what has come of it is one of the attempts by then.
function showDialled({ stage, outcome, talked_s: talked }) {
  if (!at("dial")) return;
  last = stage;
  const over = !stage || stage === OVER;
  at("dial").disabled = !over;
  const told = outcome ? `:${outcome}${talked ? `,通话 ${talked} 秒` : ""}` : over ? "" : "…";
  at("dial-told").textContent = stage ? `${stage}${told}` : "";
}

function listenForDialling(path, call, noted, told) {
  if (!at("dial")) return;
  document.addEventListener("dialled", ({ detail }) => {
    if (detail?.about !== call) return;
    const before = last;
    showDialled(detail);
    if (detail.stage === OVER && before && before !== OVER) {
      // Whether he was the one, only the agent knows; his answer is offered.
      if (detail.outcome === SETTLES[0]) at("call-back-form").elements.result.value = SETTLES[0];
      noted().catch(() => {});
    }
  });
  at("dial").addEventListener("click", async () => {
    at("dial").disabled = true;
    try {
      showDialled(await ask("POST", `${path}/dial`));
    } catch (error) {
      at("dial").disabled = false;
      told(error.status ? error.message : "连接不上服务器,没有拨出,请重试。");
    }
  });
}

// `noted()` is called when an attempt has been kept, `told(text)` with what the agent is to know.
export function listenForCallBack(path, call, noted, told) {
  listenForDialling(path, call, noted, told);
  const number = async () => (await ask("GET", `${path}/number`)).number;
  at("number-show").addEventListener("click", async () => {
    at("number").textContent = (await number()) || "没有号码";
  });
  at("number-copy").addEventListener("click", async () => {
    const digits = await number();
    if (!digits) return told("没有号码。");
    at("number").textContent = digits;
    try {
      await navigator.clipboard.writeText(digits);
      told("号码已复制。");
    } catch {
      told("浏览器不让复制,请照着号码拨打。");
    }
    return undefined;
  });
  at("call-back-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    const button = form.querySelector("[type=submit]");
    if (button.disabled) return;
    button.disabled = true;
    try {
      const body = new URLSearchParams({ result: form.elements.result.value, note: form.elements.note.value });
      const answer = await fetch(`${path}/call-back`, {
        method: "POST",
        body,
        headers: { Accept: "application/json", "X-CSRF-Token": document.querySelector("meta[name=csrf]").content },
      });
      const found = await answer.json().catch(() => ({}));
      if (!answer.ok) {
        told(found.detail ? `${found.title}:${found.detail}` : "没有记下,请重试。");
        return;
      }
      form.reset();
      told(found.owed ? "已记下,仍待回电。" : "已记下,不再待回电。");
      await noted();
    } catch {
      told("连接不上服务器,没有记下,请重试。");
    } finally {
      button.disabled = false;
    }
  });
}
