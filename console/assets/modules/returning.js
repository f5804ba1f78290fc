// Why a ticket is sent back is asked for first.

const at = (id) => document.getElementById(id);

// `decide(reason)`: it is to be sent back.
export function listenForReturning(decide) {
  at("return-cancel").addEventListener("click", () => at("returning").close());
  const form = at("returning").querySelector("form");
  form.addEventListener("submit", () => decide(at("reason").value.trim()));
  at("reason").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey) form.requestSubmit();
  });
}

export function askWhy() {
  at("reason").value = "";
  at("returning").showModal();
  at("reason").focus();
}
