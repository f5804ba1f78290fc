// The fields of one ticket, as the agent edits them.

const FIELDS = "[data-field]";
const LABELLED = "label, .types";
const PLACELESS = ["咨询", "建议", "表扬"]; // as tickets.worklist has them

export class Form {
  constructor(form, edits, choices) {
    this.form = form;
    this.edits = edits;
    this.townships = choices.townships;
    this.categories = choices.categories;
    this.number = null;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => {
      const box = event.target.closest(FIELDS);
      if (!box) return;
      this.edits.setField(this.number, box.dataset.field, this.read(box));
      if (box.dataset.field === "county") this.leaveCounty();
    });
    // A click leaves the keys where they were: arrows that go through the words would go through the kinds.
    this.box("type").addEventListener("mousedown", (event) => event.preventDefault());
    edits.onChange((place) => {
      if (this.number && (!place || place.number === this.number)) this.fill();
    });
  }

  show(number) {
    this.number = number;
    this.fill();
  }

  // A township of the county before is none of this one's.
  leaveCounty() {
    const inside = this.townships[this.edits.field(this.number, "county")] ?? [];
    if (inside.includes(this.edits.field(this.number, "township"))) return;
    for (const name of ["township", "village"]) this.edits.setField(this.number, name, "");
  }

  // The names of what a ticket needs to be accepted and this one lacks; each is marked, the first gets the focus.
  findLacking(placeless) {
    const value = (name) => String(this.edits.field(this.number, name) ?? "").trim();
    const lacking = [];
    if (!value("type")) lacking.push("type");
    if (!value("category_1")) lacking.push("category_1");
    const placed = ["county", "township", "village", "address"].some((name) => value(name));
    if (!placed && !placeless && !PLACELESS.includes(value("type"))) lacking.push("county");
    return lacking;
  }

  markLacking(placeless) {
    const lacking = this.findLacking(placeless);
    for (const box of this.form.querySelectorAll(FIELDS)) {
      box.closest(LABELLED).classList.toggle("lacking", lacking.includes(box.dataset.field));
    }
    return lacking;
  }

  box(name) {
    return this.form.querySelector(`[data-field="${name}"]`);
  }

  types() {
    return [...this.box("type").querySelectorAll("input")];
  }

  read(box) {
    if (box.type === "checkbox") return box.checked;
    if (box.dataset.field === "type") return box.querySelector(":checked")?.value ?? null;
    return box.value;
  }

  fill() {
    for (const box of this.form.querySelectorAll(FIELDS)) {
      const name = box.dataset.field;
      const value = this.edits.field(this.number, name);
      if (box.type === "checkbox") box.checked = value;
      else if (name === "type") for (const kind of this.types()) kind.checked = kind.value === value;
      else if (box.value !== (value ?? "")) box.value = value ?? "";
      const changed = this.edits.isChanged(this.number, name);
      box.closest(LABELLED).classList.toggle("changed", changed);
      const before = this.edits.filed.get(this.number)[name];
      box.title = changed ? `原为:${before === true ? "是" : before === false ? "否" : (before ?? "") || "(空)"}` : "";
    }
    this.offer("townships", this.townships[this.edits.field(this.number, "county")] ?? []);
    const [first, second] = ["category_1", "category_2"].map((name) => this.edits.field(this.number, name));
    const below = (depth, keep) => [...new Set(this.categories.filter(keep).map((path) => path[depth]))].filter(Boolean);
    this.offer("categories-1", below(0, () => true));
    this.offer("categories-2", below(1, (path) => path[0] === first));
    this.offer("categories-3", below(2, (path) => path[0] === first && path[1] === second));
  }

  offer(list, names) {
    const options = names.map((name) => {
      const option = document.createElement("option");
      option.value = name;
      return option;
    });
    document.getElementById(list).replaceChildren(...options);
  }

  focus(name = "type") {
    const types = this.types();
    (name === "type" ? (types.find((kind) => kind.checked) ?? types[0]) : this.box(name))?.focus();
  }
}
