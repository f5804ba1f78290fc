// What the understanding would fill in: categories and places, each with its key, how sure it is and by which words.

const at = (id) => document.getElementById(id);

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

// `take(index)`: somebody wants that one.
export function showOffers(offers, take) {
  at("offers").hidden = !offers.length;
  at("offers-list").replaceChildren(
    ...offers.map(({ name, sure, reason }, index) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-keyshortcuts", `Alt+${index + 1}`);
      button.append(make("kbd", "", `Alt ${index + 1}`), ` ${name} `, make("span", "sure", sure));
      button.addEventListener("click", () => take(index));
      const why = make("small", "", reason);
      why.title = reason;
      item.append(button, why);
      return item;
    }),
  );
}

// Which of them the ticket says by now, by `isTaken(fields)`; `disabled`: nothing can be filled in.
export function markOffers(offers, isTaken, disabled) {
  at("offers-list").querySelectorAll("button").forEach((button, index) => {
    button.setAttribute("aria-pressed", String(isTaken(offers[index].fields)));
    button.disabled = disabled;
  });
}
