// Gives the characters of a corrected phrase the times of what was heard there. Knows no page.

// Each heard character with its time: a word's time spread over its characters.
function spread(words) {
  return words.flatMap(([text, start, end, confidence]) =>
    [...text].map((char, i, all) => ({
      char,
      start: start + ((end - start) * i) / all.length,
      end: start + ((end - start) * (i + 1)) / all.length,
      confidence,
    })),
  );
}

// Pairs of indices of the longest common subsequence.
function match(a, b) {
  const width = b.length + 1;
  const best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      best[i * width + j] =
        a[i] === b[j]
          ? best[(i + 1) * width + j + 1] + 1
          : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (best[(i + 1) * width + j] >= best[i * width + j + 1]) i++;
    else j++;
  }
  return pairs;
}

// `words` are [text, start, end, confidence]; the answer is the same of `text`, a character each. Characters that were
// not heard share the time between their neighbours; somebody has written them, so their confidence is 1.
export function align(words, text, start, end) {
  const heard = spread(words);
  const chars = [...text];
  const pairs = match(
    heard.map((h) => h.char),
    chars,
  );
  const found = chars.map((char) => [char, null, null, 1]);
  for (const [i, j] of pairs) found[j] = [chars[j], heard[i].start, heard[i].end, 1];
  for (let j = 0; j < found.length; j++) {
    if (found[j][1] !== null) continue;
    let next = j;
    while (next < found.length && found[next][1] === null) next++;
    const from = j ? found[j - 1][2] : start;
    const to = Math.max(from, next < found.length ? found[next][1] : end);
    for (let k = j; k < next; k++) {
      found[k][1] = from + ((to - from) * (k - j)) / (next - j);
      found[k][2] = from + ((to - from) * (k - j + 1)) / (next - j);
    }
  }
  return found;
}
