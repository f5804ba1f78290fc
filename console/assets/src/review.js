// The review of a call: what was said beside how it sounded, and the tickets that came of it.
import { Refusal, ask, onExpired } from "../modules/api.js";
import { showSaved, warn } from "../modules/banner.js";
import { listenForCallBack, showCallBack } from "../modules/callback.js";
import { Claiming } from "../modules/claiming.js";
import { Edits } from "../modules/edits.js";
import { Form } from "../modules/form.js";
import { showCall, showState } from "../modules/facts.js";
import { findNext, leave, lookAhead, readPast, takePast } from "../modules/going.js";
import { markOffers, showOffers } from "../modules/offers.js";
import { readQueue } from "../modules/queue.js";
import { Player } from "../modules/player.js";
import { askToLogIn } from "../modules/relogin.js";
import { showRepeats } from "../modules/repeats.js";
import { askWhy, listenForReturning } from "../modules/returning.js";
import { listenForReviewKeys } from "../modules/reviewkeys.js";
import { Saving } from "../modules/saving.js";
import { TakeBack } from "../modules/takeback.js";
import { tell } from "../modules/trouble.js";
import { Wave } from "../modules/wave.js";
import { Words } from "../modules/words.js";

const PREPARE_MS = 2000;
const LOOK_MS = 700; // a ticket that stands on the page for less was seen by nobody
const LABELS = { type: "诉求类型", category_1: "一级分类", county: "地点(区县、乡镇街道,或在详细地址写明为什么没有)" };

const at = (id) => document.getElementById(id);
const readData = (id) => JSON.parse(at(id).textContent);
const clock = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

const callId = at("review").dataset.call;
const path = `/calls/${encodeURIComponent(callId)}`;
const edits = new Edits();
const player = new Player(at("audio"));
const form = new Form(at("fields"), edits, readData("choices"));
const words = new Words(at("words"), edits, (time) => player.playFrom(time));
const claiming = new Claiming(callId, path, showBand);
const saving = new Saving(`${path}/worksheet`, edits, showSaved, (message) => {
  warn(message, "重新载入", () => load());
  claiming.take(true).catch(() => {}); // somebody else may have it by now
});

const takeBack = new TakeBack(
  callId,
  () => saving.flush(),
  (other) => (other === callId ? load().then(() => claiming.take()) : goTo(other)),
  (message, other) => (other === callId ? warn(message) : warn(message, "打开改正", () => goTo(other))),
);

let sheet = null;
let current = 0; // which of the call's tickets is shown
let busy = false;
let wave = null;
let shown = ""; // the ticket on the page

onExpired(askToLogIn);

const ticket = () => sheet.tickets[current];
const isOpen = (t) => t.status === "待审核" || t.review?.later_words;

async function load({ keep = false } = {}) {
  sheet = await ask("GET", `${path}/sheet`);
  at("banner").hidden = true;
  edits.load(sheet, { keep });
  saving.start(sheet.worksheet?.version ?? 0);
  showCall(sheet);
  words.show(sheet.lines);
  showOwed();
  current = Math.max(0, sheet.tickets.findIndex(isOpen));
  showTicket();
  if (sheet.worksheet) showSaved("已载入上次未提交的草稿", "");
  if (keep) saving.changed();
}

function showTicket() {
  const none = !sheet.tickets.length;
  at("fieldset").disabled = none || claiming.holder;
  for (const id of ["return", "accept"]) at(id).disabled = none || claiming.holder || busy;
  if (none) return;
  if (shown !== ticket().number) letLook(ticket().number);
  form.show(ticket().number);
  form.markLacking(ticket().anonymous);
  showOffers(ticket().offers, deeds.offer);
  showChoices();
  takeBack.show(ticket());
  showState(sheet, current, (index) => {
    current = index;
    showTicket();
  });
}

function letLook(number) {
  shown = number;
  at("accept").ariaDisabled = "true";
  setTimeout(() => {
    if (shown === number) at("accept").ariaDisabled = null;
  }, LOOK_MS);
}

// What is proposed for the ticket, and which of it the ticket says by now.
function showChoices() {
  const { number, offers } = ticket();
  const isTaken = (fields) => Object.entries(fields).every(([name, value]) => (edits.field(number, name) ?? "") === value);
  markOffers(offers, isTaken, at("fieldset").disabled);
  showRepeats(ticket(), edits.field(number, "repeats"), !claiming.holder, (other) => edits.setField(number, "repeats", other));
}

// Whose the call is, and what can be done about it.
function showBand() {
  const { holder, mine } = claiming;
  const reviewed = sheet && !sheet.tickets.some(isOpen);
  const free = reviewed ? "这通电话没有待审的工单;改动时自动领取。" : "只看不领取;改动或提交时自动领取。";
  at("band-told").textContent = holder ? `只看:${holder}` : mine ? "您正在处理这通电话。" : free;
  at("band").classList.toggle("other", Boolean(holder));
  at("take").hidden = Boolean(holder || mine || !sheet?.tickets.length);
  at("release").hidden = !mine;
  if (at("assign")) at("assign").hidden = !holder && !mine;
  if (holder) warn(`${holder.includes("处理") ? holder : `${holder} 正在处理这个来电。`} 这里只能看和听,不能改。`);
  if (sheet) showTicket();
}

async function decide(decision, reason) {
  if (busy || claiming.holder || !sheet?.tickets.length) return;
  // (Who gives a reason for sending it back has looked.)
  if (decision === "accepted" && (at("accept").ariaDisabled || document.hidden)) {
    tell("这张工单刚刚打开,请看过再提交。");
    return;
  }
  if (!at("fields").reportValidity()) return;
  document.activeElement?.blur(); // a phrase that is being rewritten counts
  const lacking = decision === "accepted" ? form.markLacking(ticket().anonymous) : [];
  if (lacking.length) {
    warn(`还不能接受,请先填写:${lacking.map((name) => LABELS[name]).join("、")}。`);
    form.focus(lacking[0]);
    return;
  }
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
    takeBack.note(number, (await ask("POST", `${path}/tickets/${number}/decision`, body)).hold_s);
    tell(`工单 ${number} 已${decision === "accepted" ? "接受" : "退回"}。`);
    const owed = decision === "accepted" && sheet.call_back.owed;
    await load();
    if (sheet.tickets.some(isOpen)) return;
    claiming.left();
    if (owed) tell(`工单 ${number} 已接受;还要回电,来电留在“待回电”里。`);
    await goOn();
  } catch (error) {
    const moved = error instanceof Refusal && error.status === 409;
    warn(error instanceof Refusal ? error.message : "连接不上服务器,没有提交;您的修改仍在。", ...(moved ? ["载入新版", () => load({ keep: true })] : []));
  } finally {
    busy = false;
    showTicket();
  }
}

async function goOn() {
  await saving.flush();
  try {
    const next = await findNext(callId);
    if (next.url) leave(callId, next.url);
    else {
      const others = next.held ? `另有 ${next.held} 件正由他人处理。` : "";
      tell(`没有等待审核的电话了${readQueue() ? "(按列表的筛选条件)" : ""}。${others}`, { href: "/", text: "回到工作列表" });
    }
  } catch (error) {
    tell(error instanceof Refusal ? error.message : "连接不上服务器,请稍后重试。");
  }
}

async function goTo(other) {
  await saving.flush();
  leave(callId, `/calls/${encodeURIComponent(other)}`);
}

async function goBack() {
  await saving.flush();
  const last = takePast(callId);
  if (last) location.assign(`/calls/${encodeURIComponent(last)}`);
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
  edit: () => !claiming.holder && words.edit(),
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
    if (!claiming.holder && sheet.tickets.length) askWhy();
  },
  next: goOn,
  previous: goBack,
  take: () => claiming.take().catch(() => tell("连接不上服务器,请稍后重试。")),
  takeBack: () => takeBack.press(),
  offer: (index) => {
    const offer = sheet?.tickets[current]?.offers[index];
    if (offer && !at("fieldset").disabled) edits.setFields(ticket().number, offer.fields);
  },
  type: (index) => {
    const kind = form.types()[index];
    if (kind && !at("fieldset").disabled) edits.setField(ticket().number, "type", kind.value);
  },
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
  edits.onChange((place) => {
    if (place && !claiming.mine && !claiming.holder) deeds.take();
    at("undo").disabled = !edits.done.length;
    if (!sheet?.tickets[current] || !shown) return;
    showChoices();
    form.markLacking(ticket().anonymous);
  });
  at("play").addEventListener("click", deeds.toggle);
  at("loop").addEventListener("click", deeds.loop);
  at("slower").addEventListener("click", () => deeds.rate(-1));
  at("faster").addEventListener("click", () => deeds.rate(1));
  at("undo").addEventListener("click", deeds.undo);
  at("accept").addEventListener("click", deeds.accept);
  at("return").addEventListener("click", deeds.sendBack);
  at("next").addEventListener("click", goOn);
  at("previous").addEventListener("click", goBack);
  at("previous").disabled = !readPast(callId).length;
  at("take").addEventListener("click", deeds.take);
  at("release").addEventListener("click", () => claiming.release().catch((error) => tell(error.message)));
  listenForCallBack(path, callId, async () => {
    sheet.call_back = (await ask("GET", `${path}/sheet`)).call_back;
    showOwed();
  }, tell);
  listenForReturning((reason) => decide("returned", reason));
  player.audio.addEventListener("error", () => {
    at("sound-note").textContent = "录音播放不了:可能登录已过期,或录音不在这台机器上。";
  });
}

function showOwed() {
  showCallBack(sheet.call_back, sheet.tickets.map((each) => each.call_back).find(Boolean) ?? sheet.call_back.why);
}

async function begin() {
  listen();
  await load();
  await claiming.begin(sheet.claim);
  words.focus();
  if (sheet.seconds) {
    wave = new Wave(at("wave"), player.audio, `${path}/audio`, sheet.seconds);
    wave.onClick((time) => {
      player.seek(time);
      words.choose(time);
    });
    wave.load(`${path}/peaks`).catch(() => tell("波形没有载入,不影响播放。"));
  } else {
    at("sound-note").textContent = "这通电话没有录音。";
  }
  showTime(0, false);
  setTimeout(() => lookAhead(callId).catch(() => {}), PREPARE_MS); // it is looked for again when it is wanted
}

begin().catch((error) => warn(error instanceof Refusal ? error.message : "连接不上服务器,请刷新页面。"));
