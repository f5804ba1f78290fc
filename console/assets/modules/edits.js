// What an agent is changing: fields by ticket, corrected phrases by their times; with undo. Knows no page.

const TOGETHER_MS = 1500; // keystrokes in one place within this time are undone together

const QUOTED = 4; // characters of a phrase by which it is known again

export const keyOf = (line) => `${line.start}-${line.end}`;

export class Edits {
  constructor(now = () => Date.now()) {
    this.now = now;
    this.listeners = [];
    this.done = [];
    this.undone = [];
  }

  // Take the call as the server tells it. What was edited and is not decided stays, whatever is new beneath.
  load(sheet, { keep = false } = {}) {
    const held = keep ? this.toJSON() : (sheet.worksheet?.edits ?? null);
    this.filed = new Map(sheet.tickets.map((t) => [t.number, t.fields]));
    this.lines = new Map(sheet.lines.filter((l) => l.who === "caller").map((l) => [keyOf(l), l]));
    this.changed = new Map(sheet.tickets.map((t) => [t.number, new Map()]));
    this.texts = new Map();
    this.open = null; // the phrase in its box, as far as it is written: {key, text}
    for (const c of held?.corrections ?? sheet.corrections) this.texts.set(keyOf(c), c.text);
    for (const [number, fields] of Object.entries(held?.tickets ?? {})) {
      for (const [name, value] of Object.entries(fields)) {
        if (this.filed.has(number) && value !== this.filed.get(number)[name]) this.changed.get(number).set(name, value);
      }
    }
    this.done = [];
    this.undone = [];
    this.tell(null);
  }

  onChange(listener) {
    this.listeners.push(listener);
  }

  tell(place) {
    for (const listener of this.listeners) listener(place);
  }

  field(number, name) {
    const changed = this.changed.get(number);
    return changed.has(name) ? changed.get(name) : this.filed.get(number)[name];
  }

  isChanged(number, name) {
    return this.changed.get(number).has(name);
  }

  fields(number) {
    const names = Object.keys(this.filed.get(number));
    return Object.fromEntries(names.map((name) => [name, this.field(number, name)]));
  }

  text(key) {
    return this.texts.get(key) ?? this.lines.get(key).text;
  }

  isCorrected(key) {
    return this.texts.has(key);
  }

  setField(number, name, value) {
    this.change({ number, name }, value);
  }

  // Several at once, which one undo takes back.
  setFields(number, fields) {
    const group = {};
    for (const [name, value] of Object.entries(fields)) this.change({ number, name }, value, group);
  }

  // A ticket's content that quotes the phrase, as it is read or as it was heard, follows it; one undo takes both back.
  setText(key, text) {
    const forms = [this.text(key), this.lines.get(key).heard].filter((form) => form?.length >= QUOTED);
    const group = {};
    this.change({ key }, text, group);
    for (const number of this.filed.keys()) {
      const content = this.field(number, "content");
      const quoted = forms.find((form) => content?.includes(form));
      if (quoted) this.change({ number, name: "content" }, content.replace(quoted, () => text), group);
    }
  }

  // Kept with the rest, so that a closed window loses nothing; it counts once the box is left.
  typing(key, text) {
    this.open = text === null ? null : { key, text };
    this.tell({ key, typing: true });
  }

  undo() {
    return this.step(this.done, this.undone, "before");
  }

  redo() {
    return this.step(this.undone, this.done, "after");
  }

  change(place, after, group = null) {
    const before = this.read(place);
    if (before === after) return;
    const last = this.done.at(-1);
    const same = last && last.place.key === place.key && last.place.number === place.number && last.place.name === place.name;
    if (same && !group && this.now() - last.at < TOGETHER_MS) {
      last.after = after;
      last.at = this.now();
    } else {
      this.done.push({ place, before, after, group, at: this.now() });
    }
    this.undone = [];
    this.write(place, after);
  }

  step(from, to, side) {
    const change = from.pop();
    if (!change) return null;
    to.push(change);
    change.at = 0; // what is typed next is another change
    this.write(change.place, change[side]);
    if (change.group && from.at(-1)?.group === change.group) this.step(from, to, side);
    return change.place;
  }

  read({ key, number, name }) {
    return key === undefined ? this.field(number, name) : this.text(key);
  }

  write(place, value) {
    const { key, number, name } = place;
    if (key === undefined) {
      if (value === this.filed.get(number)[name]) this.changed.get(number).delete(name);
      else this.changed.get(number).set(name, value);
    } else if (value === this.lines.get(key).text) this.texts.delete(key);
    else this.texts.set(key, value);
    this.tell(place);
  }

  corrections() {
    const texts = new Map(this.texts);
    if (this.open && this.open.text !== this.lines.get(this.open.key)?.text) texts.set(this.open.key, this.open.text);
    return [...texts]
      .filter(([key]) => this.lines.has(key)) // a later transcript has other phrases
      .map(([key, text]) => ({ start: this.lines.get(key).start, end: this.lines.get(key).end, text }));
  }

  toJSON() {
    const tickets = {};
    for (const [number, fields] of this.changed) if (fields.size) tickets[number] = Object.fromEntries(fields);
    return { corrections: this.corrections(), tickets };
  }
}
