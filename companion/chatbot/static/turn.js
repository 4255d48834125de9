// One turn on the page: the user's message and what answers it.

import { button, element } from "./element.js";
import { copyText } from "./dressing.js";
import { Prose } from "./prose.js";
import { callBox } from "./calls.js";
import { markCitations, passageList } from "./sources.js";

export class Turn {
  // "actions" has ask(turn, text), resume(turn), isLast(turn), behind(turn).
  constructor(asked, actions) {
    this.asked = asked;
    this.actions = actions;
    this.parts = element("div", { class: "parts" }); // texts and calls in their order, a text last
    this.proses = [];
    this.below = element("div", { class: "below" });
    this.question = element("article", { class: "user" });
    this.answer = element("article", { class: "assistant" },
      element("h2", { class: "spoken" }, "Answer"), this.parts, this.below);
    this.prose(0);
    this.showQuestion();
  }

  showQuestion() {
    const edit = button("Edit", () => this.edit(), { class: "quiet needs-rest" });
    this.question.replaceChildren(
      element("h2", { class: "spoken" }, "You"),
      element("p", { class: "bubble" }, this.asked),
      element("div", { class: "actions" }, edit),
    );
  }

  edit() {
    const text = element("textarea", { rows: 3, "aria-label": "Your message" });
    text.value = this.asked;
    const cancel = button("Cancel", () => { this.showQuestion(); this.question.querySelector("button").focus(); });
    const again = element("button", { class: "main needs-rest" }, "Ask again");
    const form = element("form", { class: "edit", "aria-label": "Edit your message" }, text,
      element("p", { class: "note" }), element("div", { class: "row" }, cancel, again));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (text.value.trim()) this.actions.ask(this, text.value.trim());
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); cancel.click(); }
    });
    this.question.replaceChildren(form);
    this.tellBehind();
    text.focus();
  }

  // What is being typed in the place of the question; empty if nothing new is.
  get draft() {
    const text = this.question.querySelector("textarea")?.value.trim() ?? "";
    return text === this.asked ? "" : text;
  }

  // Say how many turns go if the message is asked again.
  tellBehind() {
    const note = this.question.querySelector(".note");
    if (!note) return;
    const behind = this.actions.behind(this);
    note.hidden = !behind;
    note.textContent = behind ? `The ${behind === 1 ? "turn" : `${behind} turns`} after it will be replaced.` : "";
  }

  // The text at a place among the texts; a new one at the end if there is none.
  prose(at) {
    if (!this.proses[at]) {
      const body = element("div", { class: "prose" });
      this.parts.append(body);
      this.proses.push(new Prose(body));
    }
    return this.proses[at];
  }

  get last() { return this.proses.at(-1); }

  get written() { return this.proses.map(({ text }) => text).join(""); }

  // Put a call, or the question about one, between what is written and what will be.
  insert(box) {
    if (this.last.text) {
      this.last.finish(this.last.text);
      this.prose(this.proses.length);
    }
    this.last.container.before(box);
  }

  // Show texts and calls. A text that stays the same is not touched.
  show(parts) {
    for (const box of this.parts.querySelectorAll(":scope > :not(.prose)")) box.remove();
    let at = 0;
    let filled = false;
    for (const { text, call } of parts) {
      if (filled) at += 1;
      filled = !call;
      if (call) this.prose(at).container.before(callBox(call));
      else this.prose(at).finish(text);
    }
    if (!filled) this.prose(at).finish("");
    for (const { container } of this.proses.splice(at + 1)) container.remove();
  }

  begin() {
    this.view = null;
    this.answer.classList.add("writing");
    this.answer.setAttribute("aria-busy", "true");
    this.below.replaceChildren();
  }

  end() {
    this.answer.classList.remove("writing");
    this.answer.removeAttribute("aria-busy");
  }

  // Show a turn as the server describes it.
  finish(turn) {
    this.end();
    this.view = turn;
    this.text = turn.text;
    this.show(turn.parts);
    if (!turn.found) this.answer.classList.add("not-found");
    for (const { container } of this.proses) markCitations(container, turn);
    const notes = [...notesOf(turn)].map((text) => element("p", { class: "note" }, text));
    this.below.replaceChildren(
      ...(turn.reasoning ? [folded("Reasoning", element("p", { class: "reasoning" }, turn.reasoning))] : []),
      ...(turn.passages.length ? [passageList(turn)] : []),
      ...notes,
      this.buttons(turn),
    );
  }

  // Whether a turn of the server is the one that is shown.
  shows(turn) {
    return this.view !== null
      && Object.entries(turn).every(([name, value]) => JSON.stringify(value) === JSON.stringify(this.view[name]));
  }

  buttons(turn) {
    const text = wordsOf(turn);
    const copy = text && button("Copy", () => copyText(text, copy),
      { class: "quiet", "aria-label": "Copy this answer" });
    const again = button("Ask again", () => this.actions.ask(this, this.asked), { class: "quiet needs-rest last" });
    const goOn = (turn.interrupted || turn.note.startsWith("cut")) && turn.text
      && button("Continue", () => this.actions.resume(this), { class: "quiet needs-rest last" });
    return element("div", { class: "actions" }, ...[copy, again, goOn].filter(Boolean), speed(turn));
  }

  broken() {
    this.end();
    this.below.replaceChildren(element("p", { class: "note" }, "Broken off."));
  }
}

// All that an answer says, without the calls between.
function wordsOf({ parts }) {
  return parts.map(({ text }) => text).filter(Boolean).join("\n\n");
}

function* notesOf(turn) {
  if (turn.interrupted && !turn.note) yield wordsOf(turn) ? "Stopped." : "Stopped before the first word.";
  if (turn.note) yield `${turn.note[0].toUpperCase()}${turn.note.slice(1)}.`;
  if (turn.unknown.length) {
    const numbers = turn.unknown.map((number) => `[${number}]`).join(", ");
    yield `It cites ${numbers}, which no passage has. Don't rely on this answer.`;
  }
  if (turn.unread && !turn.passages.length) {
    yield "The documents were not read: no room in the context for a passage.";
  }
  if (turn.left_out) {
    const turns = turn.left_out === 1 ? "the oldest turn" : `the ${turn.left_out} oldest turns`;
    yield `The model did not read ${turns} of this conversation.`;
  }
  if (turn.unsaved) yield `Not saved: ${turn.unsaved}`;
}

function speed({ tokens, seconds }) {
  if (!tokens) return null;
  const rate = seconds > 0 ? `, ${(tokens / seconds).toFixed(tokens / seconds < 10 ? 1 : 0)} per second` : "";
  return element("span", { class: "speed" }, `${tokens} tokens${rate}`);
}

function folded(title, content) {
  return element("details", {}, element("summary", {}, title), content);
}
