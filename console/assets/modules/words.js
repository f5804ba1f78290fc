// The transcript: each phrase of the caller word by word, each prompt and key between; the playing word is marked,
// and any phrase may be rewritten in its place.
import { align } from "./align.js";
import { keyOf } from "./edits.js";

const UNSURE = 0.6; // less confidence than this is marked

const PAUSE_S = 0.5; // a silence this long between two words may begin a line of its own
const BREATH = 18; // characters, so that not every hesitation does
const PLAYS = ".word, .cue"; // a word of the caller, or all of what was played

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

// One blank between letters or digits stays ("WiFi 不通"), between two Han characters none does.
function clean(text) {
  return text.trim().replaceAll(/\s+/g, " ").replaceAll(/(?<=[^\x20-\x7e]) (?=[^\x20-\x7e])/g, "");
}

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
      if (event.target.matches(PLAYS)) this.select(event.target);
    });
    edits.onChange((place) => {
      if (place?.key && !place.typing) this.redraw(place.key);
    });
  }

  show(lines) {
    this.rows = new Map();
    const ends = lines.map((line, index) => line.end ?? lines[index + 1]?.start ?? line.start + 1);
    this.list.replaceChildren(...lines.map((line, index) => this.drawRow(line, ends[index])));
    this.collect();
    this.select(this.list.querySelector(".word") ?? this.words[0]);
  }

  drawRow(line, end) {
    const row = make("li", `line ${line.who}`);
    row.append(make("span", "at", clock(line.start)), make("span", "side", WHO[line.who]));
    const said = make("span", "said");
    row.append(said);
    if (line.who === "caller") {
      row.dataset.key = keyOf(line);
      this.rows.set(row.dataset.key, { row, line, said });
      this.drawWords(row.dataset.key);
    } else {
      said.append(this.drawCue(line, end));
      if (line.before !== undefined) said.append(make("del", "before", line.before || "(未听清)"));
      row.dataset.key = `${line.who}-${line.start}`;
      this.rows.set(row.dataset.key, { row, line: { ...line, end }, said });
    }
    return row;
  }

  // What was played, or pressed, is heard as a whole.
  drawCue(line, end) {
    const button = make("button", "cue", line.text);
    button.type = "button";
    button.tabIndex = -1;
    button.dataset.start = line.start;
    button.dataset.end = end;
    return button;
  }

  // A long speech is cut where its speaker paused, each piece with its time.
  breathe(buttons) {
    let length = 0;
    return buttons.flatMap((button, index) => {
      const gap = index ? Number(button.dataset.start) - Number(buttons[index - 1].dataset.end) : 0;
      const cut = gap >= PAUSE_S && length >= BREATH;
      length = (cut ? 0 : length) + button.textContent.length;
      return cut ? [make("span", "breath", clock(Number(button.dataset.start))), button] : [button];
    });
  }

  drawWords(key) {
    const { row, line, said } = this.rows.get(key);
    const corrected = this.edits.isCorrected(key);
    const text = this.edits.text(key);
    let words = corrected ? align(line.words, text, line.start, line.end) : line.words;
    if (!corrected && !words.length) words = [[text || "(未听清)", line.start, line.end, 0]];
    if (!words.length) words = [["(已删去)", line.start, line.end, 1]];
    const buttons = words.map(([word, start, end, confidence]) => {
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
    });
    said.replaceChildren(...this.breathe(buttons));
    const edit = make("button", "edit plain", corrected ? "已改" : "改");
    edit.type = "button";
    edit.tabIndex = -1;
    edit.title = corrected ? `原转写:${line.heard}` : `改这一句(E);原话:${line.heard}`;
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
    if (selected) this.select(this.rows.get(key).row.querySelector(PLAYS), focused);
  }

  collect() {
    this.words = [...this.list.querySelectorAll(PLAYS)];
    this.starts = this.words.map((word) => Number(word.dataset.start));
  }

  clicked(event) {
    if (event.target.matches(PLAYS)) {
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
    if (key) this.select(this.rows.get(key).row.querySelector(PLAYS), true);
  }

  focus() {
    if (this.selected) this.select(this.selected, true);
  }

  // Choose what is heard at that moment, or what came before it.
  choose(time) {
    const word = this.wordAt(time) ?? this.words?.[0];
    if (!word) return;
    this.select(word);
    word.closest(".line").scrollIntoView({ block: "nearest" });
  }

  wordAt(time) {
    let low = 0;
    let high = this.starts?.length ?? 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.starts[middle] <= time + 0.001) low = middle + 1;
      else high = middle;
    }
    return this.words?.[low - 1];
  }

  // Mark the word that is being heard.
  mark(time, playing) {
    if (!this.words?.length) return;
    const word = this.wordAt(time);
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
    if (line.who !== "caller" || said.querySelector("textarea")) return;
    this.select(row.querySelector(PLAYS));
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
      const text = clean(box.value);
      this.edits.typing(key, null);
      const change = keep && text !== this.edits.text(key);
      if (change) this.edits.setText(key, text);
      else this.redraw(key);
      if (stay) this.select(row.querySelector(PLAYS), true);
    };
    box.addEventListener("input", () => this.edits.typing(key, clean(box.value)));
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
