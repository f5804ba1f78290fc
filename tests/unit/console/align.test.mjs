import assert from "node:assert/strict";
import { test } from "node:test";
import { align } from "../../../console/assets/modules/align.js";

const heard = [
  ["慎城", 1.0, 2.0, 0.9],
  ["真", 2.0, 2.5, 0.3],
  ["漏雨", 3.0, 4.0, 0.9],
];
const shown = (found) => found.map(([char, start, end]) => [char, Number(start.toFixed(3)), Number(end.toFixed(3))]);

test("characters that were heard keep their times, a wrong one gives its time to the right one", () => {
  assert.deepEqual(shown(align(heard, "慎城镇漏雨", 1, 4)), [
    ["慎", 1, 1.5],
    ["城", 1.5, 2],
    ["镇", 2, 3],
    ["漏", 3, 3.5],
    ["雨", 3.5, 4],
  ]);
});

test("characters added at the end share what is left of the phrase", () => {
  const found = shown(align(heard, "慎城真漏雨啊", 1, 4.4));
  assert.deepEqual(found.at(-1), ["啊", 4, 4.4]);
});

test("a phrase of which nothing was heard is spread over its whole time", () => {
  assert.deepEqual(shown(align([], "是的", 2, 3)), [
    ["是", 2, 2.5],
    ["的", 2.5, 3],
  ]);
});

test("times never run backwards, whatever is written", () => {
  for (const text of ["雨漏真城慎", "真真真真", "慎", "", "雨慎城漏镇真雨"]) {
    const found = align(heard, text, 1, 4);
    assert.equal(found.map(([char]) => char).join(""), text);
    let last = 1;
    for (const [, start, end] of found) {
      assert.ok(start >= last - 1e-9 && end >= start);
      last = start;
    }
  }
});
