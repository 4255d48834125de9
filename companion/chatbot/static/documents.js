// Documents that are added to a conversation: chosen or dropped, and read one after the other. They go
// into the conversation that was open when they were chosen, whichever is shown meanwhile.

import { $, button, complain, element, say } from "./element.js";
import { post } from "./server.js";

const LARGEST = 20_000_000;

export class Documents {
  // "current" returns the conversation that is shown.
  constructor(current) {
    this.current = current;
    this.names = null;
    this.added = new Map(); // by conversation, while some are read: resolves with what went wrong
    this.last = Promise.resolve(); // of all conversations
    this.now = null; // what is read
    $("add").addEventListener("click", () => $("add-file").click());
    $("add-file").addEventListener("change", () => {
      this.add([...$("add-file").files]);
      $("add-file").value = "";
    });
    const main = document.querySelector("main");
    main.addEventListener("dragover", (event) => this.dragged(event, true));
    main.addEventListener("dragleave", (event) => this.dragged(event, main.contains(event.relatedTarget)));
    main.addEventListener("drop", (event) => {
      this.dragged(event, false);
      if (this.taken) this.add([...event.dataTransfer.files]);
    });
  }

  // Show the names of those that were added; null where the chat takes none.
  show(names) {
    this.taken = names !== null;
    this.names = names;
    $("until").hidden = !names?.length;
    $("documents").hidden = !this.taken;
    $("added").hidden = !names?.length;
    $("added").replaceChildren(...(names ?? []).map((name) => element("li", {}, element("span", {}, name),
      button("Remove", () => this.remove(name), { class: "quiet", "aria-label": `Remove ${name}` }))));
    this.tell();
  }

  // Resolves with what went wrong once a conversation's documents are read; null if none is waited for.
  whenRead(session) { return this.added.get(session) ?? null; }

  // Say which document is read for the conversation that is shown.
  tell() {
    const mine = this.now?.session === this.current();
    $("progress").hidden = !mine;
    if (mine) { $("progress").max = this.now.count; $("progress").value = this.now.at + 0.5; }
    const waits = this.whenRead(this.current()) && "Waiting for documents of another conversation …";
    $("adding").textContent = mine ? `Reading ${this.now.name} …` : waits || "";
  }

  dragged(event, over) {
    if (!this.taken || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("dropping", over);
  }

  add(files) {
    const session = this.current();
    const before = this.whenRead(session);
    complain("");
    const added = this.last.then(async () => {
      const problems = [await before, ...(await this.read(session, files))];
      if (this.added.get(session) === added) this.added.delete(session);
      this.tell();
      return problems.filter(Boolean).join(" ");
    });
    this.added.set(session, added);
    this.last = added;
    this.tell();
  }

  // Read files into a conversation, and return what went wrong.
  async read(session, files) {
    const problems = [];
    for (const [at, file] of files.entries()) {
      this.now = { session, name: file.name, at, count: files.length };
      this.tell();
      try {
        if (file.size > LARGEST) throw new Error("it is larger than 20 MB. Split it.");
        const data = await base64(file);
        await this.change("upload", { session, name: file.name, data });
      } catch (error) {
        if (error.status === 404 && session !== this.current()) continue; // it was deleted meanwhile
        const named = error.message.includes(file.name);
        problems.push(named ? error.message : `${file.name}: ${error.message}`);
      }
    }
    this.now = null;
    say(`Added: ${files.length - problems.length}.`);
    if (problems.length) complain(problems.join(" "));
    return problems;
  }

  async remove(name) {
    try {
      await this.change("remove", { session: this.current(), name });
      say("Removed.");
      $("add").focus();
    } catch (error) { complain(error.message); }
  }

  // Change the documents of a conversation, and list them if it is still shown.
  async change(path, body) {
    const { documents } = await post(path, body);
    if (body.session === this.current()) this.show(documents);
  }
}

function base64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error("it can't be read"));
    reader.readAsDataURL(file);
  });
}
