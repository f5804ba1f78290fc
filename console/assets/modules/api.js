// Requests of a page's own scripts: JSON in and out, the session's token with every change, and what to do when the
// login has ended in the meantime (`onExpired` asks for it again; the request is then repeated).

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ? `${problem.title}:${problem.detail}` : `操作未成功(${status})。`);
    this.status = status;
  }
}

let askToLogIn = null;
let asking = null;

export function onExpired(ask) {
  askToLogIn = ask;
}

const csrf = () => document.querySelector("meta[name=csrf]").content;

async function send(method, path, body, keepalive, background) {
  const headers = { Accept: "application/json" };
  if (background) headers["X-Background"] = "1"; // nobody has done anything: it keeps no login alive
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf();
  return fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), keepalive });
}

// The answer's JSON. Throws Refusal for an answer that says no, TypeError when there is none.
export async function ask(method, path, body, { keepalive = false, background = false } = {}) {
  for (;;) {
    const answer = await send(method, path, body, keepalive, background);
    if (answer.ok) return answer.status === 204 ? null : answer.json();
    const problem = await answer.json().catch(() => ({}));
    if (answer.status !== 401 || !askToLogIn || keepalive || background) throw new Refusal(answer.status, problem);
    asking ??= askToLogIn().finally(() => {
      asking = null;
    });
    await asking;
  }
}
