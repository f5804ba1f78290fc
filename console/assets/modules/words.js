// The transcript: each phrase of the caller word by word, each prompt and key between; the playing word is marked,
// and any phrase may be rewritten in its place.
import { align } from "./align.js";
import { keyOf } from "./edits.js";

const UNSURE = 0.6; // less confidence than this is marked

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

const WHO = { caller: "来电人", target: "接听人", prompt: "系统", key: "按键" };

export class Words {
  // `onPlay(seconds)`: somebody wants to hear from there.
  constructor(list, edits, onPlay) {
    this.list = list;
    this.edits = edits;
    this.onPlay = onPlay;
    this.marked = null;
    list.addEventListener("click", (event) => this.clicked(event));
    list.addEventListener("focusin", (event) => {
      if (event.target.matches(".word")) this.select(event.target);
    });
    edits.onChange((place) => {
      if (place?.key) this.redraw(place.key);
    });
  }

  show(lines) {
    this.rows = new Map();
    this.list.replaceChildren(...lines.map((line) => this.drawRow(line)));
    this.collect();
    if (this.words.length) this.select(this.words[0]);
  }

  drawRow(line) {
    const row = make("li", `line ${line.who}`);
    row.append(make("span", "at", clock(line.start)), make("span", "side", WHO[line.who]));
    const said = make("span", "said");
    row.append(said);
    if (line.who === "caller") {
      row.dataset.key = keyOf(line);
      this.rows.set(row.dataset.key, { row, line, said });
      this.drawWords(row.dataset.key);
    } else {
      said.textContent = line.text;
      if (line.before !== undefined) said.append(make("del", "before", line.before || "(未听清)"));
    }
    return row;
  }

  drawWords(key) {
    const { row, line, said } = this.rows.get(key);
    const corrected = this.edits.isCorrected(key);
    const text = this.edits.text(key);
    let words = corrected ? align(line.words, text, line.start, line.end) : line.words;
    if (!corrected && !words.length) words = [[text || "(未听清)", line.start, line.end, 0]];
    if (!words.length) words = [["(已删去)", line.start, line.end, 1]];
    said.replaceChildren(
      ...words.map(([word, start, end, confidence]) => {
        const button = make("button", "word", word);
        button.type = "button";
        button.tabIndex = -1;
        button.dataset.start = start;
        button.dataset.end = end;
        if (confidence < UNSURE || !line.confirmed) {
          button.classList.add("unsure");
          button.title = line.confirmed ? `把握 ${Math.round(confidence * 100)}%` : "话没有说完";
        }
        return button;
      }),
    );
    const edit = make("button", "edit plain", corrected ? "已改" : "改");
    edit.type = "button";
    edit.tabIndex = -1;
    edit.title = corrected ? `原转写:${line.text}` : "改这一句(E)";
    edit.setAttribute("aria-label", `改这一句:${text}`);
    said.append(edit);
    if (line.before !== undefined) said.append(make("del", "before", line.before || "(未听清)"));
    row.classList.toggle("corrected", corrected);
  }

  redraw(key) {
    if (!this.rows?.has(key)) return;
    const selected = this.selected?.closest(".line")?.dataset.key === key;
    const focused = this.rows.get(key).row.contains(document.activeElement);
    this.drawWords(key);
    this.collect();
    if (selected) this.select(this.rows.get(key).row.querySelector(".word"), focused);
  }

  collect() {
    this.words = [...this.list.querySelectorAll(".word")];
    this.starts = this.words.map((word) => Number(word.dataset.start));
  }

  clicked(event) {
    if (event.target.matches(".word")) {
      this.select(event.target);
      this.onPlay(Number(event.target.dataset.start));
    } else if (event.target.matches(".edit")) {
      this.edit(event.target.closest(".line").dataset.key);
    }
  }

  select(word, focus = false) {
    if (this.selected) this.selected.tabIndex = -1;
    this.selected?.closest(".line")?.classList.remove("chosen");
    this.selected = word;
    if (!word) return;
    word.tabIndex = 0;
    word.closest(".line").classList.add("chosen");
    if (focus) {
      word.focus({ preventScroll: true });
      word.closest(".line").scrollIntoView({ block: "nearest" });
    }
  }

  // The chosen phrase's times.
  phrase() {
    const key = this.selected?.closest(".line").dataset.key;
    return key ? this.rows.get(key).line : null;
  }

  moveWord(steps) {
    const at = this.words.indexOf(this.selected);
    const next = this.words[Math.min(Math.max(at + steps, 0), this.words.length - 1)];
    this.select(next, true);
    return Number(next?.dataset.start);
  }

  movePhrase(steps) {
    const keys = [...this.rows.keys()];
    const at = keys.indexOf(this.selected?.closest(".line").dataset.key);
    const key = keys[Math.min(Math.max(at + steps, 0), keys.length - 1)];
    if (key) this.select(this.rows.get(key).row.querySelector(".word"), true);
  }

  focus() {
    if (this.selected) this.select(this.selected, true);
  }

  // Mark the word that is being heard.
  mark(time, playing) {
    if (!this.words?.length) return;
    let low = 0;
    let high = this.starts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= time + 0.001) low = middle + 1;
      else high = middle;
    }
    const word = this.words[low - 1];
    const heard = word && time < Number(word.dataset.end) + 0.2 ? word : null;
    if (heard === this.marked) return;
    this.marked?.classList.remove("playing");
    heard?.classList.add("playing");
    this.marked = heard;
    if (heard && playing && !this.list.querySelector("textarea")) {
      heard.closest(".line").scrollIntoView({ block: "nearest" });
    }
  }

  edit(key = this.selected?.closest(".line").dataset.key) {
    if (!key) return;
    const { row, line, said } = this.rows.get(key);
    if (said.querySelector("textarea")) return;
    this.select(row.querySelector(".word"));
    const box = make("textarea");
    box.value = this.edits.text(key);
    box.rows = Math.max(1, Math.ceil(box.value.length / 30));
    box.setAttribute("aria-label", `${clock(line.start)} 这一句说的是`);
    said.replaceChildren(box);
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
    let settled = false;
    const settle = (keep, stay) => {
      if (settled) return;
      settled = true;
      const text = box.value.replaceAll(/\s+/g, "");
      const change = keep && text !== this.edits.text(key);
      if (change) this.edits.setText(key, text);
      else this.redraw(key);
      if (stay) this.select(row.querySelector(".word"), true);
    };
    box.addEventListener("blur", () => settle(true, false));
    box.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" || event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        settle(event.key === "Enter", true);
      }
    });
  }
}
