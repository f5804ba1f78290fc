// The login in a dialog, over the page that is being worked on: nothing on it is lost.

async function readForm(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return {
    form: page.querySelector("form[action^='/login']"),
    told: page.querySelector("form[action^='/login'] .warning")?.textContent,
    csrf: page.querySelector("meta[name=csrf]")?.content,
    user: page.querySelector("meta[name=user]")?.content,
  };
}

async function send(form, fields) {
  const body = new URLSearchParams(new FormData(form));
  for (const [field, value] of Object.entries(fields)) body.set(field, value);
  return readForm(await fetch(form.getAttribute("action"), { method: "POST", body, headers: { Accept: "text/html" } }));
}

// `code`: of who has a second factor.
async function logIn(name, password, code) {
  const here = `/login?next=${encodeURIComponent(location.pathname)}`;
  const shown = await readForm(await fetch(here, { headers: { Accept: "text/html" } }));
  if (!shown.form) return shown; // another window has logged in
  const found = await send(shown.form, { name, password });
  if (found.form?.getAttribute("action") !== "/login/code") return found;
  return code ? send(found.form, { code }) : { ...found, told: "请再输入动态码。" };
}

// Resolves when somebody is logged in again; another agent than before gets a fresh page.
export function askToLogIn() {
  const dialog = document.getElementById("relogin");
  const form = dialog.querySelector("form");
  const told = dialog.querySelector("[role=alert]");
  const before = document.querySelector("meta[name=user]").content;
  form.elements.name.value = before;
  form.elements.password.value = "";
  form.elements.code.value = "";
  form.elements.code.closest("label").hidden = true;
  told.textContent = "";
  dialog.showModal();
  form.elements.password.focus();
  return new Promise((resolve) => {
    dialog.oncancel = (event) => event.preventDefault();
    form.onsubmit = async (event) => {
      event.preventDefault();
      told.textContent = "";
      try {
        const { name, password, code } = form.elements;
        const found = await logIn(name.value, password.value, code.value);
        if (found.form || !found.csrf) {
          told.textContent = found.told ?? "登录未成功,请重试。";
          const further = found.form?.getAttribute("action") === "/login/code";
          if (further) code.closest("label").hidden = false;
          (further ? code : password).select();
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
