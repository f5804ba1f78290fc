// The keyboard of the review page. It hears keys before the page's own (keys.js), and leaves it those it does not know.

const isTyping = (target) => target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
const presses = (target) => target.matches?.("button:not(.word), a, input[type=checkbox], input[type=radio], summary");
const moves = (target) => target.matches?.("input[type=radio]"); // by arrows, as one of several does

// `deeds` names what can be done; see the page's key sheet.
export function listenForReviewKeys(deeds) {
  const anywhere = {
    F8: deeds.toggle,
    F9: deeds.back,
    "Ctrl+Enter": deeds.accept,
    "Ctrl+z": deeds.undo,
    "Ctrl+y": deeds.redo,
    "Ctrl+Shift+z": deeds.redo,
  };
  const reading = {
    " ": deeds.toggle,
    Enter: deeds.hear,
    ArrowLeft: () => deeds.moveWord(-1),
    ArrowRight: () => deeds.moveWord(1),
    ArrowUp: () => deeds.movePhrase(-1),
    ArrowDown: () => deeds.movePhrase(1),
    l: deeds.loop,
    "-": () => deeds.rate(-1),
    "=": () => deeds.rate(1),
    "+": () => deeds.rate(1),
    ",": () => deeds.zoom(-1),
    ".": () => deeds.zoom(1),
    e: deeds.edit,
    f: deeds.fields,
    "[": () => deeds.ticket(-1),
    "]": () => deeds.ticket(1),
    x: deeds.sendBack,
    n: deeds.next,
    p: deeds.previous,
    c: deeds.take,
    u: deeds.takeBack,
  };
  // What decides or leaves is done once a press. A key held over a change of pages may come without its mark of
  // repetition: so one that was not let go since the page has known it counts as held.
  const once = new Set([deeds.accept, deeds.sendBack, deeds.next, deeds.previous, deeds.take, deeds.takeBack]);
  const held = new Set();
  document.addEventListener("keyup", (event) => held.delete(event.code), true);
  addEventListener("blur", () => held.clear());
  const heard = (event) => {
    if (event.isComposing || event.altKey || document.querySelector("dialog[open]")) return null;
    const control = event.ctrlKey || event.metaKey;
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const full = (control ? "Ctrl+" : "") + (control && event.shiftKey ? "Shift+" : "") + name;
    if (anywhere[full]) return anywhere[full];
    if (control) return null;
    if (isTyping(event.target)) return null;
    if (presses(event.target) && (name === " " || name === "Enter")) return null;
    if (moves(event.target) && name.startsWith("Arrow")) return null;
    return reading[name] ?? null;
  };
  const pickType = (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.isComposing;
    if (!plain || !/^[1-6]$/.test(event.key) || isTyping(event.target) || document.querySelector("dialog[open]")) return null;
    return () => deeds.type(Number(event.key) - 1);
  };
  // By where the key lies: with Alt some keyboards write another sign. Where one types it is no digit either.
  const pickOffer = (event) => {
    const alone = event.altKey && !event.ctrlKey && !event.metaKey && !document.querySelector("dialog[open]");
    const digit = alone && /^Digit([1-9])$/.exec(event.code);
    return digit ? () => deeds.offer(Number(digit[1]) - 1) : null;
  };
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Escape" && event.target.closest?.("#fields")) {
        event.preventDefault();
        deeds.words();
        return;
      }
      const repeated = event.repeat || held.has(event.code);
      held.add(event.code);
      const deed = heard(event) ?? pickType(event) ?? pickOffer(event);
      if (!deed) return;
      event.preventDefault();
      if (!repeated || !once.has(deed)) deed();
    },
    true,
  );
}
