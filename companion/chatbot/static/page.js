// The page: puts its parts together.
//
//   conversation.js  turns, and asking for the next        saved.js      the list of conversations
//   turn.js          one turn: calls.js, sources.js        settings.js   model, temperature, lengths
//   prose.js         a text that grows: markdown.js        documents.js  files to answer from
//   server.js        requests                              tab.js        which conversation a tab shows

import { $, complain } from "./element.js";
import { Conversation } from "./conversation.js";
import { Documents } from "./documents.js";
import { Saved } from "./saved.js";
import { Settings } from "./settings.js";
import { post } from "./server.js";
import { isCopy, remembered, whenOthersTell } from "./tab.js";

const UNNAMED = "New conversation";
const forgets = () => document.body.classList.contains("forgets");
const current = () => conversation.session;
const conversation = new Conversation(changed, () => documents);
const saved = new Saved(open, current);
const documents = new Documents(current);
new Settings(current, ({ model }) => { if (model) $("model").textContent = model; });

// Called when the conversation may have changed; "found" is what the server says of it.
function changed(found) {
  if ("turns" in found) {
    $("model").textContent = found.model;
    $("tools").textContent = found.tools.length ? `Tools: ${found.tools.join(", ")}` : "";
    showTitle(found.title);
    documents.show(found.documents);
    document.body.classList.toggle("forgets", !found.kept);
  } else if (conversation.turns.length && $("title").textContent === UNNAMED) {
    showTitle(conversation.turns[0].asked.slice(0, 80));
  }
  saved.refresh();
}

function showTitle(title) {
  $("title").textContent = title || UNNAMED;
  document.title = [title, $("model").textContent].filter(Boolean).join(" - ");
}

async function open(session) {
  if (conversation.busy) {
    complain("An answer is still being written: stop it first.");
    return;
  }
  complain("");
  try {
    const left = conversation.session;
    await conversation.enter(session);
    if (forgets()) await post("delete", { session: left }); // no list leads back to it
  } catch (error) { complain(error.message); }
  side(false);
  $("text").focus();
}

// Show or hide the list of conversations. Where there is little room, it covers the page.
function side(open) {
  document.body.classList.toggle("side-open", open);
  $("menu").setAttribute("aria-expanded", String(open));
  const covers = open && getComputedStyle($("side")).position === "fixed";
  for (const id of ["scroll", "form", "settings", "export"]) $(id).inert = covers;
}

function send() {
  const text = $("text").value.trim();
  if (!text || conversation.busy || !conversation.session) return;
  $("text").value = "";
  conversation.ask(text);
}

$("form").addEventListener("submit", (event) => { event.preventDefault(); send(); });
$("text").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (document.body.classList.contains("side-open")) { side(false); $("menu").focus(); } else conversation.stop();
});
$("stop").addEventListener("click", () => conversation.stop());
$("new").addEventListener("click", () => open(null));
$("menu").addEventListener("click", () => {
  side(!document.body.classList.contains("side-open"));
  if (document.body.classList.contains("side-open")) $("new").focus();
});
$("skip").addEventListener("click", (event) => { event.preventDefault(); $("text").focus(); });
whenOthersTell((session) => {
  saved.refresh();
  if (session === conversation.session && !conversation.busy) conversation.enter(session).catch(() => {});
});

try { await conversation.enter(remembered(), await isCopy()); } catch (error) { complain(error.message); }
document.body.classList.add("ready");
