"use strict";
// Everything that the model, the documents or the user wrote is put in as text, never as HTML.

const $ = (id) => document.getElementById(id);
const KEY = "companion-session"; // per tab: sessionStorage
let session = null;
let busy = false;

function element(tag, name, text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  made.textContent = text;
  return made;
}

async function post(path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ session, ...body }),
    });
  } catch {
    throw new Error("The server can't be reached. Is companion chat still running?");
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let message = text;
  try { message = JSON.parse(text).message; } catch { /* plain text */ }
  throw new Error(message || `The server answered ${answer.status}.`);
}

function addMessage(role, text) {
  $("empty").hidden = true;
  const item = element("li", role);
  item.append(element("span", "who", role === "user" ? "You" : "Assistant"));
  const bubble = element("p", "bubble", text);
  item.append(bubble);
  $("log").append(item);
  scroll();
  return { item, bubble };
}

function scroll() {
  const main = document.querySelector("main");
  main.scrollTop = main.scrollHeight;
}

// Change the log, and keep the newest words in view unless the reader has scrolled up.
function changing(change) {
  const main = document.querySelector("main");
  const atEnd = main.scrollHeight - main.scrollTop - main.clientHeight < 40;
  change();
  if (atEnd) scroll();
}

function finish({ item, bubble }, reply) {
  bubble.textContent = reply.text;
  if (!reply.text) bubble.hidden = true;
  if (reply.interrupted) item.append(element("p", "note", reply.text ? "Stopped." : "Stopped before the first word."));
  if (reply.note) item.append(element("p", "note", `${reply.note[0].toUpperCase()}${reply.note.slice(1)}.`));
  if (reply.calls.length) item.append(listed(`Tool calls (${reply.calls.length})`, reply.calls.map((text) => [element("span", "", text)])));
  if (reply.sources.length) {
    item.append(listed(`Sources (${reply.sources.length})`, reply.sources.map(({ origin, text }) =>
      [element("span", "origin", origin ? `${origin}: ` : ""), element("span", "", text)])));
  }
}

function listed(title, rows) {
  const details = element("details");
  details.append(element("summary", "", title));
  const list = element("ol");
  for (const parts of rows) {
    const row = element("li");
    row.append(...parts);
    list.append(row);
  }
  details.append(list);
  return details;
}

function setBusy(now) {
  busy = now;
  $("send").hidden = now;
  $("stop").hidden = !now;
  $("stop").disabled = false;
  $("reset").disabled = $("download").disabled = now;
}

async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const [kind, data] = text.slice(0, end).split("\n");
      yield [kind.slice("event: ".length), JSON.parse(data.slice("data: ".length))];
    }
  }
}

async function send() {
  const text = $("text").value.trim();
  if (!text || busy || !session) return;
  $("problem").textContent = "";
  setBusy(true);
  const asked = addMessage("user", text);
  const shown = addMessage("assistant", "");
  shown.item.classList.add("writing");
  shown.item.setAttribute("aria-busy", "true");
  $("state").textContent = "The assistant is writing.";
  let reply = null;
  try {
    const answer = await post("chat", { text });
    $("text").value = "";
    for await (const [kind, data] of events(answer)) {
      if (kind === "piece") changing(() => shown.bubble.append(data.text));
      else if (kind === "done") reply = data;
      else throw new Error(data.message);
    }
    if (!reply) throw new Error("The answer broke off. Is companion chat still running?");
    changing(() => finish(shown, reply));
    $("state").textContent = reply.interrupted ? "Stopped." : "The answer is complete.";
  } catch (error) {
    $("problem").textContent = error.message;
    $("state").textContent = "";
    if (shown.bubble.textContent) shown.item.append(element("p", "note", "Broken off."));
    else {
      shown.item.remove();
      if (!$("text").value) $("text").value = text; // nothing that was typed is lost
      asked.item.remove();
      $("empty").hidden = $("log").children.length > 0;
    }
  } finally {
    shown.item.classList.remove("writing");
    shown.item.removeAttribute("aria-busy");
    setBusy(false);
    $("text").focus();
  }
}

async function stop() {
  if (!busy) return;
  $("stop").disabled = true;
  try { await post("stop", {}); } catch (error) { $("problem").textContent = error.message; }
}

async function reset() {
  try {
    await post("reset", {});
    $("log").replaceChildren();
    $("empty").hidden = false;
    $("problem").textContent = "";
    $("state").textContent = "A new conversation.";
    $("text").focus();
  } catch (error) { $("problem").textContent = error.message; }
}

async function download() {
  try {
    const file = await (await post("download", {})).blob();
    const link = element("a");
    link.href = URL.createObjectURL(file);
    link.download = "conversation.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) { $("problem").textContent = error.message; }
}

async function enter() {
  try {
    session = sessionStorage.getItem(KEY);
    const found = await (await post("enter", {})).json();
    session = found.session;
    sessionStorage.setItem(KEY, session);
    document.title = $("title").textContent = found.title;
    $("tools").hidden = !found.tools.length;
    $("tools").textContent = `Tools: ${found.tools.join(", ")}`;
    for (const turn of found.turns) {
      addMessage("user", turn.asked);
      finish(addMessage("assistant", ""), turn);
    }
    scroll();
  } catch (error) { $("problem").textContent = error.message; }
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
document.addEventListener("keydown", (event) => { if (event.key === "Escape") stop(); });
$("stop").addEventListener("click", stop);
$("reset").addEventListener("click", reset);
$("download").addEventListener("click", download);
enter();
