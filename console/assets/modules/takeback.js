// A decision can be taken back as long as it has not left: on its own call's page, and on the page that came after it.
import { Refusal, ask } from "./api.js";

const KEPT = "decided"; // the last decision of this tab

const at = (id) => document.getElementById(id);

export class TakeBack {
  // `keepTyped()` resolves once what is being typed is kept. `undone(callId)`: the decision is unfinished work again;
  // `failed(message, callId)`: it is not, whyever.
  constructor(callId, keepTyped, undone, failed) {
    this.callId = callId;
    this.keepTyped = keepTyped;
    this.undone = undone;
    this.failed = failed;
    this.ticket = null; // the one on the page, when its decision can be taken back
    this.busy = false;
    at("take-back").addEventListener("click", () => this.press());
  }

  note(number, holdS) {
    this.keep({ callId: this.callId, number, until: Date.now() + holdS * 1000 });
  }

  keep(decided) {
    if (decided) sessionStorage.setItem(KEPT, JSON.stringify(decided));
    else sessionStorage.removeItem(KEPT);
    this.show(this.ticket);
  }

  // `ticket` is the one on the page.
  show(ticket) {
    clearTimeout(this.timer);
    this.ticket = ticket;
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    const here = ticket?.take_back ? { callId: this.callId, number: ticket.number, until: Infinity } : null;
    this.decided = here ?? (kept?.number === ticket?.number ? null : kept);
    at("take-back").hidden = !this.decided;
    if (!this.decided) return;
    const left = this.decided.until - Date.now();
    const name = `工单 …${this.decided.number.slice(-6)}`;
    at("take-back-told").textContent = left > 0 ? `撤回${name}` : `${name} 已送出,打开改正`;
    if (left > 0 && left < Infinity) this.timer = setTimeout(() => this.show(this.ticket), left);
  }

  async press() {
    if (!this.decided || this.busy) return;
    const { callId, number, until } = this.decided;
    if (until <= Date.now()) {
      this.undone(callId); // nothing is: it can be corrected there, as a new revision
      return;
    }
    this.busy = true;
    try {
      await this.keepTyped();
      await ask("POST", `/calls/${encodeURIComponent(callId)}/tickets/${number}/take-back`);
      this.keep(null);
      this.undone(callId);
    } catch (error) {
      const refused = error instanceof Refusal;
      if (refused && this.ticket?.take_back) this.ticket.take_back = false;
      if (refused && this.decided.until !== Infinity) this.keep({ ...this.decided, until: 0 });
      this.failed(refused ? `${error.message}要改的话,改好再提交一次,成为新的一版。` : "连接不上服务器,没有撤回,请重试。", callId);
    } finally {
      this.busy = false;
      this.show(this.ticket);
    }
  }
}
