import assert from "node:assert/strict";
import { test } from "node:test";
import { Edits, keyOf } from "../../../console/assets/modules/edits.js";

const line = { who: "caller", start: 1, end: 3, text: "慎城真漏雨" };
const key = keyOf(line);
const sheet = (fields = { title: "漏雨", confidential: false }, more = {}) => ({
  lines: [line, { who: "prompt", start: 0, text: "您好" }],
  tickets: [{ number: "1", fields }],
  corrections: [],
  worksheet: null,
  ...more,
});

function make(now = { at: 0 }) {
  const edits = new Edits(() => now.at);
  edits.load(sheet());
  return edits;
}

test("what was changed and changed back is no edit", () => {
  const edits = make();
  edits.setField("1", "title", "漏雨了");
  assert.deepEqual(edits.toJSON(), { corrections: [], tickets: { 1: { title: "漏雨了" } } });
  edits.setField("1", "title", "漏雨");
  assert.deepEqual(edits.toJSON(), { corrections: [], tickets: {} });
  assert.equal(edits.isChanged("1", "title"), false);
});

test("keystrokes together are undone together, those apart one by one", () => {
  const now = { at: 0 };
  const edits = make(now);
  for (const [at, title] of [[0, "a"], [500, "ab"], [5000, "abc"]]) {
    now.at = at;
    edits.setField("1", "title", title);
  }
  edits.undo();
  assert.equal(edits.field("1", "title"), "ab");
  edits.undo();
  assert.equal(edits.field("1", "title"), "漏雨");
  assert.equal(edits.undo(), null);
  edits.redo();
  edits.redo();
  assert.equal(edits.field("1", "title"), "abc");
  edits.undo();
  edits.setField("1", "confidential", true); // a new change ends what could be redone
  assert.equal(edits.redo(), null);
});

test("undo goes over fields and phrases in the order they were made", () => {
  const edits = make();
  edits.setText(key, "慎城镇漏雨");
  edits.setField("1", "confidential", true);
  assert.deepEqual(edits.undo(), { number: "1", name: "confidential" });
  assert.equal(edits.isCorrected(key), true);
  assert.deepEqual(edits.undo(), { key });
  assert.equal(edits.text(key), "慎城真漏雨");
});

test("a newer revision beneath leaves the edits, and shows through where nothing was edited", () => {
  const edits = make();
  edits.setField("1", "title", "我写的");
  edits.load(sheet({ title: "新的", confidential: true }), { keep: true });
  assert.equal(edits.field("1", "title"), "我写的");
  assert.equal(edits.field("1", "confidential"), true);
});

test("a saved sheet is taken up again, and wins over what was reviewed before", () => {
  const edits = new Edits();
  const corrections = [{ start: 1, end: 3, text: "旧的更正" }];
  edits.load(sheet(undefined, { corrections }));
  assert.equal(edits.text(key), "旧的更正");
  const worksheet = { edits: { corrections: [{ start: 1, end: 3, text: "新的更正" }], tickets: { 1: { title: "草稿" } } } };
  edits.load(sheet(undefined, { corrections, worksheet }));
  assert.equal(edits.text(key), "新的更正");
  assert.equal(edits.field("1", "title"), "草稿");
});

test("a correction of a phrase that a later transcript has cut differently is not sent", () => {
  const edits = new Edits();
  edits.load(sheet(undefined, { corrections: [{ start: 7, end: 8, text: "没有这一句了" }] }));
  assert.deepEqual(edits.toJSON().corrections, []);
});

test("a content that quotes a corrected phrase follows it, and comes back with it", () => {
  const edits = new Edits();
  edits.load(sheet({ title: "漏雨", content: "反映:慎城真漏雨。$&" }));
  edits.setText(key, "慎城镇漏雨");
  assert.equal(edits.field("1", "content"), "反映:慎城镇漏雨。$&");
  edits.undo();
  assert.deepEqual(edits.toJSON(), { corrections: [], tickets: {} });
  edits.redo();
  assert.equal(edits.field("1", "content"), "反映:慎城镇漏雨。$&");
  assert.equal(edits.text(key), "慎城镇漏雨");
});

test("content that quotes a phrase as it was heard follows it as one that quotes it as it is read does", () => {
  const read = { who: "caller", start: 4, end: 6, text: "停水20天了。", heard: "停水二十天了" };
  for (const content of ["我说停水20天了。别的", "我说停水二十天了别的"]) {
    const edits = new Edits(() => 0);
    edits.load(sheet({ content }, { lines: [read] }));
    edits.setText(keyOf(read), "停水21天了。");
    assert.equal(edits.field("1", "content"), content.replace(/停水(20天了。|二十天了)/, "停水21天了。"));
    edits.undo();
    assert.deepEqual(edits.toJSON(), { corrections: [], tickets: {} });
  }
});

test("several fields filled in at once are one step back", () => {
  const edits = new Edits(() => 0);
  edits.load(sheet({ category_1: "", category_2: "", title: "漏雨" }));
  edits.setField("1", "title", "漏雨了");
  edits.setFields("1", { category_1: "城乡建设", category_2: "工程质量" });
  assert.deepEqual(edits.toJSON().tickets, { 1: { title: "漏雨了", category_1: "城乡建设", category_2: "工程质量" } });
  edits.undo();
  assert.deepEqual(edits.toJSON().tickets, { 1: { title: "漏雨了" } });
  edits.redo();
  assert.equal(edits.field("1", "category_2"), "工程质量");
});
