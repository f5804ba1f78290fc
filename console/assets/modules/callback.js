// 待回电: whom to call, what came of it. What is owed stays in the list until somebody has been reached.
import { ask } from "./api.js";

const at = (id) => document.getElementById(id);
const moment = (iso) =>
  new Date(iso).toLocaleString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai", dateStyle: "short", timeStyle: "short" });

export function showCallBack({ owed, attempts }, why) {
  at("call-back").hidden = !owed && !attempts.length;
  at("call-back-title").textContent = owed ? "待回电" : "已回电";
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

// `noted()` is called when an attempt has been kept, `told(text)` with what the agent is to know.
export function listenForCallBack(path, noted, told) {
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
