// Whose the call is: anybody may look, who changes something takes it, and it is free again once nobody works on it.
import { Refusal, ask } from "./api.js";

const AGAIN_MS = 60 * 1000;
const WORKS_MS = 10 * 60 * 1000; // so long after the last key, click or sound somebody is still at it
const WORKING = "working"; // the call that this tab works on, so that a reload goes on with it

export class Claiming {
  // `changed()` is called whenever `mine` or `holder` is another.
  constructor(callId, path, changed) {
    this.callId = callId;
    this.path = path;
    this.changed = changed;
    this.mine = false;
    this.holder = null; // who has it, if it is somebody else
    this.lastUse = Date.now();
    this.asking = null;
    for (const kind of ["keydown", "pointerdown", "play", "timeupdate"]) {
      document.addEventListener(kind, () => this.used(), true);
    }
    setInterval(() => this.mine && Date.now() - this.lastUse < WORKS_MS && this.take(true).catch(() => {}), AGAIN_MS);
    addEventListener("pagehide", () => this.mine && this.send("release", { keepalive: true }).catch(() => {}));
    addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  send(what, options) {
    return ask("POST", `${this.path}/${what}`, undefined, options);
  }

  used() {
    const idle = Date.now() - this.lastUse > WORKS_MS;
    this.lastUse = Date.now();
    if (idle && this.mine) this.take().catch(() => {});
  }

  // As the call's document tells it.
  async begin(claim) {
    this.mine = Boolean(claim?.mine);
    this.holder = claim && !claim.mine ? claim.user : null;
    if ("looks" in document.getElementById("review").dataset) this.holder ??= "您的身份不能处理来电。";
    if (!this.holder && (this.mine || sessionStorage.getItem(WORKING) === this.callId)) await this.take();
    else this.changed();
  }

  // Resolves to whether it is one's own now; throws TypeError when the server cannot be reached.
  async take(background = false) {
    if (this.holder) return false;
    this.asking ??= this.send("claim", { background }).finally(() => {
      this.asking = null;
    });
    try {
      await this.asking;
      this.mine = true;
      sessionStorage.setItem(WORKING, this.callId);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (error.status === 409) this.holder = error.message;
      this.mine = false;
    }
    this.changed();
    return this.mine;
  }

  async release() {
    await this.send("release");
    this.left();
  }

  // The call's work is done, or given back.
  left() {
    this.mine = false;
    sessionStorage.removeItem(WORKING);
    this.changed();
  }
}
