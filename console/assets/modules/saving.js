// Keeps what is being edited on the server, half a second after the last keystroke.
import { Refusal, ask } from "./api.js";

const PAUSE_MS = 500;
const RETRY_MS = 3000;

export class Saving {
  // `show(text, kind)` tells the agent how it stands; `moved(message)`: somebody else has saved, nothing more will be.
  constructor(path, edits, show, moved) {
    this.path = path;
    this.edits = edits;
    this.show = show;
    this.moved = moved;
    this.version = 0;
    this.dirty = false;
    this.stopped = false;
    this.running = null;
    edits.onChange((place) => {
      if (place) this.changed();
    });
    addEventListener("beforeunload", (event) => {
      if (!this.dirty || this.stopped) return;
      this.send(true).catch(() => {}); // the last keystrokes; nobody is left to be told
      event.preventDefault();
    });
  }

  start(version) {
    this.version = version;
    this.dirty = false;
    this.stopped = false;
    clearTimeout(this.timer);
  }

  changed() {
    this.dirty = true;
    if (this.stopped) return;
    this.show("有改动未保存", "");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE_MS);
  }

  send(keepalive) {
    return ask("PUT", this.path, { version: this.version, edits: this.edits.toJSON() }, { keepalive });
  }

  // Resolves when all is saved, or nothing can be: true or false.
  async flush() {
    clearTimeout(this.timer);
    this.running ??= this.work().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  async work() {
    while (this.dirty && !this.stopped) {
      this.dirty = false;
      this.show("正在保存…", "");
      try {
        this.version = (await this.send(false)).version;
        const at = new Date().toLocaleTimeString("zh-CN", { hour12: false, timeZone: "Asia/Shanghai" });
        this.show(`草稿已保存 ${at}`, "");
      } catch (error) {
        this.dirty = true;
        if (error instanceof Refusal) {
          this.stopped = true;
          this.show("草稿没有存上", "bad");
          this.moved(error.message);
        } else {
          this.show("连接不上服务器,稍后自动重试;请不要关闭页面", "bad");
          this.timer = setTimeout(() => this.flush(), RETRY_MS);
        }
        return false;
      }
    }
    return !this.dirty;
  }
}
