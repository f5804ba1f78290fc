// The live board's page: follows the server's stream and keeps the cards as it tells.
import { Board } from "../modules/board.js";

const board = new Board(
  document.getElementById("board"),
  JSON.parse(document.getElementById("hotlines").textContent),
);
const link = document.getElementById("link");

function tellLink(text) {
  link.textContent = text;
  link.hidden = !text;
}

function follow() {
  const stream = new EventSource("/live/events");
  let fresh = true;
  stream.onmessage = (event) => {
    if (fresh) board.clear(); // what went while nobody listened is not told again
    fresh = false;
    tellLink("");
    board.take(JSON.parse(event.data));
  };
  stream.addEventListener("expired", () => {
    stream.close();
    board.clear();
    location.assign(`/login?next=${encodeURIComponent(location.pathname)}`);
  });
  stream.onerror = () => {
    fresh = true;
    tellLink("与服务器的连接断开,正在重新连接;下面的内容可能已经过时。");
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, 2000); // refused: the login may have ended
  };
}

follow();
setInterval(() => board.tick(), 1000);
