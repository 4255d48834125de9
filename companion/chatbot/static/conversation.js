// The conversation on the page: its turns, and asking for the next one.

import { $, complain, element, say } from "./element.js";
import { approvalBox, runningCall } from "./calls.js";
import { events, post, sentence } from "./server.js";
import { remember, tellOthers } from "./tab.js";
import { Turn } from "./turn.js";

const LARGEST = 200000; // bytes; written as JSON it may be longer, and the server takes 256 KiB

export class Conversation {
  // "changed" is called when title or turns may have; "documents" returns those that are added.
  constructor(changed, documents) {
    this.changed = changed;
    this.documents = documents;
    this.session = null;
    this.turns = [];
    this.version = null; // of the turns, as the server has told it
    this.busy = false;
    this.letGo = null; // gives up waiting for documents
    this.actions = {
      ask: (turn, text) => this.ask(text, this.turns.indexOf(turn)),
      resume: (turn) => this.run("resume", {}, turn),
      behind: (turn) => this.turns.length - 1 - this.turns.indexOf(turn),
    };
  }

  // Show a conversation of the server; a new one if there is none of this name. Turns of this one that
  // are as they were stay as they are, with what is being typed in them.
  async enter(session, copy = false) {
    const here = session !== null && session === this.session;
    const found = await post("enter", { session, copy });
    this.session = found.session;
    this.version = found.version;
    remember(found.session);
    this.changing(() => {
      let same = 0;
      while (here && same < found.turns.length && this.turns[same]?.shows(found.turns[same])) same += 1;
      for (const turn of this.cut(same)) if (here) this.keep(turn.draft);
      for (const one of found.turns.slice(same)) this.add(one.asked).finish(one);
      for (const turn of this.turns) turn.tellBehind();
      $("empty").hidden = this.turns.length > 0;
    });
    if (!here) this.scroll();
    this.changed(found);
    return found;
  }

  // Take turn "at" and all after it off the page, and return them.
  cut(at) {
    const removed = this.turns.splice(at);
    for (const turn of removed) { turn.question.remove(); turn.answer.remove(); }
    return removed;
  }

  // Put words that were not sent where they can be sent, below those that are there already.
  keep(text) {
    $("text").value = [$("text").value, text].filter((one) => one.trim()).join("\n\n");
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
      this.keep(text);
      return;
    }
    const replaces = at < this.turns.length;
    const before = replaces ? this.turns[at] : null;
    const same = before && before.asked === text ? before.text : null;
    for (const { draft } of this.cut(at)) if (draft !== text) this.keep(draft);
    const turn = this.add(text);
    this.scroll();
    const reply = await this.run("chat", { text, ...(replaces ? { at } : {}) }, turn);
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
      await this.afterDocuments(turn);
      const known = { version: this.version, documents: this.documents().names };
      const request = { session: this.session, ...known, ...body };
      for await (const [kind, values] of events(path, request)) {
        if (kind === "done") reply = values;
        else this.happened(kind, values, turn);
      }
      if (!reply) throw new Error("The answer broke off. Is companion chat still running?");
      if (reply.restored) await this.enter(this.session);
      else {
        this.version = reply.version;
        this.changing(() => turn.finish(reply));
      }
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

  // Wait for documents that are being read: the question may be about them.
  async afterDocuments(turn) {
    const read = this.documents().whenRead(this.session);
    if (!read) return;
    const note = element("p", { class: "note" }, "Waiting until the documents are read.");
    turn.below.replaceChildren(note);
    this.scroll();
    say(note.textContent);
    const stopped = new Promise((resolve) => { this.letGo = () => resolve("Stopped."); });
    const problem = await Promise.race([read, stopped]);
    this.letGo = null;
    note.remove();
    if (problem) throw new Error(`${problem} Your message was not sent.`);
  }

  happened(kind, values, turn) {
    this.changing(() => {
      if (kind === "piece") turn.last.add(values.text);
      if (kind === "call") turn.insert(runningCall(values));
      if (kind === "approval") this.approve(values, turn);
      if (kind === "decided") turn.parts.querySelector(".approval")?.remove();
    });
    if (kind === "decided") say(values.allowed ? "Allowed." : "Refused.");
    if (kind === "error") throw new Error(sentence(values.message));
  }

  approve(values, turn) {
    const box = approvalBox(values, async (question, allow) => {
      try { await post("decide", { session: this.session, question, allow }); } catch (error) { complain(error.message); }
    });
    turn.insert(box);
    say(`May the model call ${values.name}? Allow or refuse it.`);
    if (!$("text").value) box.focus(); // who is typing is not interrupted
  }

  // Keep what was written. What was typed goes back into the box if it was not answered at all. The
  // turn is shown anew, as the server has it.
  async failed(error, turn, text) {
    complain(error.message);
    say("");
    turn.broken();
    if (!turn.written && text) this.keep(text);
    if (!turn.written) { turn.question.remove(); turn.answer.remove(); this.turns = this.turns.filter((one) => one !== turn); }
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
    if (this.letGo) { this.letGo(); return; }
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
