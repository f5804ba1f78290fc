// What goes wrong in the background is told in the notice line: the server's own words (problem+json), or that
// it cannot be reached. A page that handles an answer itself cancels htmx's event first.

const SHOWN_MS = 6000;
let leaving;

export function tell(text, link) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  clearTimeout(leaving);
  if (text && !link) leaving = setTimeout(() => tell(""), SHOWN_MS);
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link.href;
    anchor.textContent = link.text;
    notice.append(" ", anchor);
  }
}

export function tellProblem(status, body) {
  let problem = {};
  try {
    problem = JSON.parse(body);
  } catch {
    // not a problem document: a proxy's page, perhaps
  }
  const text = problem.detail ? `${problem.title}:${problem.detail}` : `操作未成功(${status}),请重试。`;
  const back = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  tell(text, status === 401 ? { href: back, text: "重新登录" } : undefined);
}

export function listenForTrouble() {
  document.addEventListener("htmx:responseError", (event) => {
    tellProblem(event.detail.xhr.status, event.detail.xhr.responseText);
  });
  document.addEventListener("htmx:sendError", () => tell("连接不上服务器,请稍后重试。"));
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) tell("");
  });
}
