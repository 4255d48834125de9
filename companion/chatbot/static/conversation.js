// The conversation on the page: its turns, and asking for the next one.

import { $, complain, element, say } from "./element.js";
import { approvalBox, runningCall } from "./calls.js";
import { events, post, sentence } from "./server.js";
import { remember, tellOthers } from "./tab.js";
import { Turn } from "./turn.js";

const LARGEST = 200000; // bytes; written as JSON it may be longer, and the server takes 256 KiB

export class Conversation {
  // "changed" is called when title or turns may have; "documents" returns the names of those added.
  constructor(changed, documents) {
    this.changed = changed;
    this.documents = documents;
    this.session = null;
    this.turns = [];
    this.busy = false;
    this.actions = {
      ask: (turn, text) => this.ask(text, this.turns.indexOf(turn)),
      resume: (turn) => this.run("resume", {}, turn),
      behind: (turn) => this.turns.length - 1 - this.turns.indexOf(turn),
    };
  }

  // Show a conversation of the server; a new one if there is none of this name.
  async enter(session, copy = false) {
    const found = await post("enter", { session, copy });
    this.session = found.session;
    remember(found.session);
    this.turns = [];
    $("log").replaceChildren();
    for (const one of found.turns) this.add(one.asked).finish(one);
    $("empty").hidden = this.turns.length > 0;
    this.scroll();
    this.changed(found);
    return found;
  }

  add(asked) {
    const turn = new Turn(asked, this.actions);
    this.turns.push(turn);
    $("log").append(turn.question, turn.answer);
    $("empty").hidden = true;
    return turn;
  }

  // Ask something: as a new turn, or in the place of turn "at" and all after it.
  async ask(text, at = this.turns.length) {
    if (this.busy || !text.trim()) return;
    const size = new TextEncoder().encode(text).length;
    if (size > LARGEST) {
      complain(`A message may have at most ${LARGEST} bytes, and this one has ${size}. Add it as a document, or shorten it.`);
      $("text").value ||= text;
      return;
    }
    const replaces = at < this.turns.length;
    const before = replaces ? this.turns[at] : null;
    const same = before && before.asked === text ? before.text : null;
    const count = this.turns.length;
    for (const turn of this.turns.splice(at)) { turn.question.remove(); turn.answer.remove(); }
    const turn = this.add(text);
    this.scroll();
    const reply = await this.run("chat", { text, turns: count, ...(replaces ? { at } : {}) }, turn);
    if (same && reply?.text === same) {
      say("The same answer again.");
      complain("The same answer again. At temperature 0 a model says the same to the same words: Settings has the temperature.");
    }
  }

  // Read the events of an answer into a turn, and return the turn as the server describes it.
  async run(path, body, turn) {
    this.setBusy(true);
    complain("");
    turn.begin();
    say("The assistant is writing.");
    let reply = null;
    try {
      const known = { turns: this.turns.length, documents: this.documents() };
      const request = { session: this.session, ...known, ...body };
      for await (const [kind, values] of events(path, request)) {
        if (kind === "done") reply = values;
        else this.happened(kind, values, turn);
      }
      if (!reply) throw new Error("The answer broke off. Is companion chat still running?");
      if (reply.restored) await this.enter(this.session);
      else this.changing(() => turn.finish(reply));
      say(reply.interrupted || reply.restored ? "Stopped." : "The answer is complete.");
    } catch (error) {
      await this.failed(error, turn, body.text);
    } finally {
      this.setBusy(false);
      tellOthers(this.session);
      this.changed({});
    }
    return reply;
  }

  happened(kind, values, turn) {
    this.changing(() => {
      if (kind === "piece") turn.prose.add(values.text);
      if (kind === "call") turn.calls.append(runningCall(values));
      if (kind === "approval") this.approve(values, turn);
      if (kind === "decided") turn.calls.querySelector(".approval")?.remove();
    });
    if (kind === "decided") say(values.allowed ? "Allowed." : "Refused.");
    if (kind === "error") throw new Error(sentence(values.message));
  }

  approve(values, turn) {
    const box = approvalBox(values, async (question, allow) => {
      try { await post("decide", { session: this.session, question, allow }); } catch (error) { complain(error.message); }
    });
    turn.calls.append(box);
    say(`May the model call ${values.name}? Allow or refuse it.`);
    if (!$("text").value) box.focus(); // who is typing is not interrupted
  }

  // Keep what was written. What was typed goes back into the box if it was not answered at all.
  async failed(error, turn, text) {
    complain(error.message);
    say("");
    turn.broken();
    if (!turn.prose.text && text && !$("text").value) $("text").value = text;
    if (!turn.prose.text) { turn.question.remove(); turn.answer.remove(); this.turns = this.turns.filter((one) => one !== turn); }
    $("empty").hidden = this.turns.length > 0;
    if (error.status === 404 && !this.turns.length) await this.again(text);
    else await this.enter(this.session).catch(() => {}); // as the server has it, if it is there
  }

  // An empty conversation that the server has forgotten is begun anew, without a word.
  async again(text) {
    await this.enter(null).catch(() => {});
    complain("");
    $("text").value = "";
    this.setBusy(false);
    await this.ask(text);
  }

  async stop() {
    if (!this.busy) return;
    $("stop").disabled = true;
    say("Stopping …"); // at the next word of the model
    try { await post("stop", { session: this.session }); } catch (error) { complain(error.message); }
  }

  setBusy(busy) {
    this.busy = busy;
    document.body.classList.toggle("busy", busy);
    $("send").hidden = busy;
    $("stop").hidden = !busy;
    $("stop").disabled = false;
    for (const one of document.querySelectorAll(".needs-rest")) one.disabled = busy;
  }

  // Change the log, and keep the newest words in view unless the reader has scrolled up.
  changing(change) {
    const frame = $("scroll");
    const atEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 60;
    change();
    if (atEnd) this.scroll();
  }

  scroll() {
    $("scroll").scrollTop = $("scroll").scrollHeight;
  }
}
