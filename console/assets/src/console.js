// Every page's script: htmx, the key sheet, notices, alerts. A page's own keys are `data-key` on what they press.
import htmx from "htmx.org";
import { listenForAlerts } from "../modules/alerts.js";
import { listenForConfirmations } from "../modules/confirming.js";
import { listenForKeys } from "../modules/keys.js";
import { listenForLists, refreshList, rememberQueue } from "../modules/queue.js";
import { listenForRows } from "../modules/rows.js";
import { listenForTrouble } from "../modules/trouble.js";

window.htmx = htmx;

// Each request of htmx carries the session's token, as each form does.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-CSRF-Token"] = document.querySelector("meta[name=csrf]").content;
});

listenForKeys();
listenForRows();
listenForTrouble();
listenForConfirmations();
listenForAlerts(refreshList);
rememberQueue();
listenForLists();
