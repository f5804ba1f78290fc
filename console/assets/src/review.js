// The review of a call: what was said beside how it sounded, and the tickets that came of it.
import { Refusal, ask, onExpired } from "../modules/api.js";
import { Edits } from "../modules/edits.js";
import { Form } from "../modules/form.js";
import { showCall, showState } from "../modules/facts.js";
import { Player } from "../modules/player.js";
import { askToLogIn } from "../modules/relogin.js";
import { showRepeats } from "../modules/repeats.js";
import { listenForReviewKeys } from "../modules/reviewkeys.js";
import { Saving } from "../modules/saving.js";
import { tell } from "../modules/trouble.js";
import { Wave } from "../modules/wave.js";
import { Words } from "../modules/words.js";

const CLAIM_AGAIN_MS = 5 * 60 * 1000;
const PREPARE_MS = 2000;

const at = (id) => document.getElementById(id);
const readData = (id) => JSON.parse(at(id).textContent);
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

const callId = at("review").dataset.call;
const path = `/calls/${encodeURIComponent(callId)}`;
const edits = new Edits();
const player = new Player(at("audio"));
const form = new Form(at("fields"), edits, readData("choices"));
const words = new Words(at("words"), edits, (time) => player.playFrom(time));
const saving = new Saving(`${path}/worksheet`, edits, showSaved, (message) => warn(message, "重新载入", () => load()));

let sheet = null;
let current = 0; // which of the call's tickets is shown
let busy = false;
let mine = false; // nobody else works on this call
let wave = null;
let following = null; // the call that comes next, claimed and fetched already

onExpired(askToLogIn);

function showSaved(text, kind) {
  at("saved").textContent = text;
  at("saved").className = kind;
}

function warn(message, label, action) {
  const banner = at("banner");
  banner.replaceChildren(Object.assign(document.createElement("span"), { textContent: message }));
  if (label) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
    button.addEventListener("click", action);
    banner.append(button);
    button.focus();
  }
  banner.hidden = false;
}

const ticket = () => sheet.tickets[current];
const isOpen = (t) => t.status === "待审核" || t.review?.later_words;

async function load({ keep = false } = {}) {
  sheet = await ask("GET", `${path}/sheet`);
  at("banner").hidden = true;
  edits.load(sheet, { keep });
  saving.start(sheet.worksheet?.version ?? 0);
  showCall(sheet);
  words.show(sheet.lines);
  current = Math.max(0, sheet.tickets.findIndex(isOpen));
  showTicket();
  if (sheet.worksheet) showSaved("已载入上次未提交的草稿", "");
  if (keep) saving.changed();
}

function showTicket() {
  const none = !sheet.tickets.length;
  at("fieldset").disabled = none || !mine;
  for (const id of ["return", "accept"]) at(id).disabled = none || !mine || busy;
  if (none) return;
  form.show(ticket().number);
  showLinks();
  showState(sheet, current, (index) => {
    current = index;
    showTicket();
  });
}

function showLinks() {
  const { number } = ticket();
  showRepeats(ticket(), edits.field(number, "repeats"), mine, (other) => edits.setField(number, "repeats", other));
}

async function claim() {
  try {
    const held = await ask("POST", `${path}/claim`);
    mine = true;
    return held;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    mine = false;
    warn(`${error.message} 这里只能看和听,不能改。`);
    return null;
  }
}

async function decide(decision, reason) {
  if (busy || !mine || !sheet.tickets.length) return;
  if (!at("fields").reportValidity()) return;
  document.activeElement?.blur(); // a phrase that is being rewritten counts
  busy = true;
  showTicket();
  try {
    await saving.flush();
    const body = {
      decision,
      base: ticket().revision,
      sheet: { fields: edits.fields(ticket().number), corrections: edits.corrections(), reason },
    };
    const number = ticket().number;
    await ask("POST", `${path}/tickets/${number}/decision`, body);
    tell(`工单 ${number} 已${decision === "accepted" ? "接受" : "退回"}。`);
    await load();
    if (!sheet.tickets.some(isOpen)) await goOn();
  } catch (error) {
    const moved = error instanceof Refusal && error.status === 409;
    warn(error instanceof Refusal ? error.message : "连接不上服务器,没有提交;您的修改仍在。", ...(moved ? ["载入新版", () => load({ keep: true })] : []));
  } finally {
    busy = false;
    showTicket();
  }
}

async function findNext() {
  const body = new URLSearchParams({ csrf: document.querySelector("meta[name=csrf]").content, besides: callId });
  const answer = await fetch("/next", { method: "POST", body, headers: { Accept: "application/json" } });
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => ({})));
  return answer.json();
}

// The next call is this agent's before it is opened, and its waveform computed. Who goes elsewhere gives it back.
async function prepareNext() {
  following = await findNext();
  if (following) await fetch(`${following.url}/peaks`);
}

function giveBack() {
  if (following) ask("POST", `${following.url}/release`, undefined, { keepalive: true }).catch(() => {});
}

async function goOn() {
  await saving.flush();
  try {
    const next = following ?? (await findNext());
    following = null; // it is kept, not given back
    if (next) location.assign(next.url);
    else tell("没有等待审核的电话了。", { href: "/", text: "回到工作列表" });
  } catch (error) {
    tell(error instanceof Refusal ? error.message : "连接不上服务器,请稍后重试。");
  }
}

function showTime(time, playing) {
  const seconds = sheet?.seconds ?? 0;
  at("clock").textContent = `${clock(player.time)} / ${clock(seconds)}`;
  at("play").firstElementChild.textContent = playing ? "暂停" : "播放";
  at("loop").setAttribute("aria-pressed", String(Boolean(player.loop)));
  at("rate").textContent = `${player.audio.playbackRate}×`;
  at("undo").disabled = !edits.done.length;
  words.mark(time, playing);
}

const deeds = {
  toggle: () => player.toggle(),
  back: () => player.skip(-3),
  hear: () => words.selected && player.playFrom(Number(words.selected.dataset.start)),
  moveWord: (steps) => words.moveWord(steps),
  movePhrase: (steps) => words.movePhrase(steps),
  loop: () => player.repeat(player.loop ? null : words.phrase()),
  rate: (steps) => player.changeRate(steps),
  zoom: (steps) => wave?.zoom(steps),
  edit: () => mine && words.edit(),
  fields: () => form.focus(),
  words: () => words.focus(),
  ticket: (steps) => {
    current = (current + steps + sheet.tickets.length) % Math.max(1, sheet.tickets.length);
    showTicket();
  },
  undo: () => showPlace(edits.undo()),
  redo: () => showPlace(edits.redo()),
  accept: () => decide("accepted", ""),
  sendBack: () => {
    if (!mine || !sheet.tickets.length) return;
    at("reason").value = "";
    at("returning").showModal();
    at("reason").focus();
  },
  next: goOn,
};

function showPlace(place) {
  if (place?.number && place.number !== ticket().number) {
    current = sheet.tickets.findIndex((t) => t.number === place.number);
    showTicket();
  }
  at("undo").disabled = !edits.done.length;
}

function listen() {
  listenForReviewKeys(deeds);
  player.onTime(showTime);
  edits.onChange(() => {
    at("undo").disabled = !edits.done.length;
    if (sheet?.tickets[current]) showLinks();
  });
  at("play").addEventListener("click", deeds.toggle);
  at("loop").addEventListener("click", deeds.loop);
  at("slower").addEventListener("click", () => deeds.rate(-1));
  at("faster").addEventListener("click", () => deeds.rate(1));
  at("undo").addEventListener("click", deeds.undo);
  at("accept").addEventListener("click", deeds.accept);
  at("return").addEventListener("click", deeds.sendBack);
  at("next").addEventListener("click", goOn);
  at("return-cancel").addEventListener("click", () => at("returning").close());
  const returning = at("returning").querySelector("form");
  returning.addEventListener("submit", () => decide("returned", at("reason").value.trim()));
  at("reason").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.ctrlKey) returning.requestSubmit();
  });
  player.audio.addEventListener("error", () => {
    at("sound-note").textContent = "录音播放不了:可能登录已过期,或录音不在这台机器上。";
  });
}

async function begin() {
  listen();
  await claim();
  const held = at("banner").textContent;
  await load();
  if (!mine) warn(held);
  showTicket();
  words.focus();
  if (sheet.seconds) {
    wave = new Wave(at("wave"), player.audio, `${path}/audio`, sheet.seconds);
    wave.onClick((time) => player.seek(time));
    wave.load(`${path}/peaks`).catch(() => tell("波形没有载入,不影响播放。"));
  } else {
    at("sound-note").textContent = "这通电话没有录音。";
  }
  showTime(0, false);
  if (!mine) return;
  setInterval(() => claim().catch(() => {}), CLAIM_AGAIN_MS); // saving tells of it when it fails
  addEventListener("pagehide", giveBack);
  setTimeout(() => prepareNext().catch(() => {}), PREPARE_MS); // it is looked for again when it is wanted
}

begin().catch((error) => warn(error instanceof Refusal ? error.message : "连接不上服务器,请刷新页面。"));
