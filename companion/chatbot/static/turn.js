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
    this.body = element("div", { class: "prose" });
    this.calls = element("div", { class: "calls" });
    this.below = element("div", { class: "below" });
    this.question = element("article", { class: "user" });
    this.answer = element("article", { class: "assistant" },
      element("h2", { class: "spoken" }, "Answer"), this.calls, this.body, this.below);
    this.prose = new Prose(this.body);
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
    const behind = this.actions.behind(this);
    const told = behind ? `The ${behind === 1 ? "turn" : `${behind} turns`} after it will be replaced.` : null;
    const form = element("form", { class: "edit", "aria-label": "Edit your message" }, text,
      told && element("p", { class: "note" }, told), element("div", { class: "row" }, cancel, again));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (text.value.trim()) this.actions.ask(this, text.value.trim());
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); cancel.click(); }
    });
    this.question.replaceChildren(form);
    text.focus();
  }

  begin() {
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
    this.text = turn.text;
    this.prose.finish(turn.text);
    this.calls.replaceChildren(...turn.calls.map(callBox));
    if (!turn.found) this.answer.classList.add("not-found");
    markCitations(this.body, turn);
    const notes = [...notesOf(turn)].map((text) => element("p", { class: "note" }, text));
    this.below.replaceChildren(
      ...(turn.reasoning ? [folded("Reasoning", element("p", { class: "reasoning" }, turn.reasoning))] : []),
      ...(turn.passages.length ? [passageList(turn)] : []),
      ...notes,
      this.buttons(turn),
    );
  }

  buttons(turn) {
    const copy = turn.text && button("Copy", () => copyText(turn.text, copy),
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

function* notesOf(turn) {
  if (turn.interrupted && !turn.note) yield turn.text ? "Stopped." : "Stopped before the first word.";
  if (turn.note) yield `${turn.note[0].toUpperCase()}${turn.note.slice(1)}.`;
  if (turn.unknown.length) {
    const numbers = turn.unknown.map((number) => `[${number}]`).join(", ");
    yield `It cites ${numbers}, which no passage has. Don't rely on this answer.`;
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
