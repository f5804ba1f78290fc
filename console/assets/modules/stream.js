// The stream of what waits, followed until the login has ended. A browser gives it up for good on an answer that is no
// stream, as while the database, or the page behind its proxy, is away: then it is asked for again.
const AGAIN_MS = 5000;

export function followStream(tell) {
  const stream = new EventSource("/events");
  stream.onmessage = (event) => tell({ kind: "work", ...JSON.parse(event.data) });
  stream.addEventListener("expiring", (event) => tell({ kind: "expiring", seconds: Number(event.data) }));
  stream.addEventListener("expired", () => {
    stream.close();
    tell({ kind: "expired" });
  });
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => followStream(tell), AGAIN_MS);
  };
}
