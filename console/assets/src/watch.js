// One stream for all windows of a browser (it allows six at once to a server): a shared worker passes on what it tells.
import { followStream } from "../modules/stream.js";

const ports = new Set();
let following = false;
let last = null;

function tell(message) {
  if (message.kind === "work") last = message;
  if (message.kind === "expired") following = false;
  for (const port of ports) port.postMessage(message);
}

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = ({ data }) => {
    if (data === "gone") ports.delete(port);
  };
  if (following) {
    if (last) port.postMessage(last);
    return;
  }
  following = true;
  followStream(tell);
};
