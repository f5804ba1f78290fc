// One stream for all windows of a browser (it allows six at once to a server): a shared worker passes on what it tells.
const ports = new Set();
let stream = null;
let last = null;

function tell(message) {
  for (const port of ports) port.postMessage(message);
}

function follow() {
  stream = new EventSource("/events");
  stream.onmessage = (event) => {
    last = { kind: "work", ...JSON.parse(event.data) };
    tell(last);
  };
  stream.addEventListener("expiring", (event) => tell({ kind: "expiring", seconds: Number(event.data) }));
  stream.addEventListener("expired", () => {
    stream.close();
    tell({ kind: "expired" });
  });
}

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === "gone") ports.delete(port);
  };
  if (!stream || stream.readyState === EventSource.CLOSED) follow();
  else if (last) port.postMessage(last);
};
