// The login in a dialog, over the page that is being worked on: nothing on it is lost.

async function readForm(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return {
    form: page.querySelector("form[action='/login']"),
    told: page.querySelector("form[action='/login'] .warning")?.textContent,
    csrf: page.querySelector("meta[name=csrf]")?.content,
    user: page.querySelector("meta[name=user]")?.content,
  };
}

async function logIn(name, password) {
  const here = `/login?next=${encodeURIComponent(location.pathname)}`;
  const shown = await readForm(await fetch(here, { headers: { Accept: "text/html" } }));
  if (!shown.form) return shown; // another window has logged in
  const body = new URLSearchParams(new FormData(shown.form));
  body.set("name", name);
  body.set("password", password);
  return readForm(await fetch("/login", { method: "POST", body, headers: { Accept: "text/html" } }));
}

// Resolves when somebody is logged in again; another agent than before gets a fresh page.
export function askToLogIn() {
  const dialog = document.getElementById("relogin");
  const form = dialog.querySelector("form");
  const told = dialog.querySelector("[role=alert]");
  const before = document.querySelector("meta[name=user]").content;
  form.elements.name.value = before;
  form.elements.password.value = "";
  told.textContent = "";
  dialog.showModal();
  form.elements.password.focus();
  return new Promise((resolve) => {
    dialog.oncancel = (event) => event.preventDefault();
    form.onsubmit = async (event) => {
      event.preventDefault();
      told.textContent = "";
      try {
        const found = await logIn(form.elements.name.value, form.elements.password.value);
        if (found.form || !found.csrf) {
          told.textContent = found.told ?? "登录未成功,请重试。";
          form.elements.password.select();
          return;
        }
        if (found.user !== before) {
          location.reload();
          return;
        }
        document.querySelector("meta[name=csrf]").content = found.csrf;
      } catch {
        told.textContent = "连接不上服务器,请稍后重试。";
        return;
      }
      dialog.close();
      resolve();
    };
  });
}
