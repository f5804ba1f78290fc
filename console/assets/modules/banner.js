// What stands above the page until it is dealt with, and how the draft stands.

const at = (id) => document.getElementById(id);

export function showSaved(text, kind) {
  at("saved").textContent = text;
  at("saved").className = kind;
}

export function warn(message, label, action) {
  const banner = at("banner");
  banner.replaceChildren(Object.assign(document.createElement("span"), { textContent: message }));
  if (label) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.addEventListener("click", action);
    banner.append(button);
    button.focus();
  }
  banner.hidden = false;
}
