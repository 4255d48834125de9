// The list of saved conversations: open, search by title, rename, delete, import, export.

import { $, button, complain, download, element, say } from "./element.js";
import { post, send } from "./server.js";
import { confirmed, opened } from "./dialog.js";
import { tellOthers } from "./tab.js";

const ENDS = { companion: ".json", openai: ".messages.json", markdown: ".md" };
const LARGEST = 64 * 2 ** 20;

export class Saved {
  // "open" shows a conversation, a new one if its name is null; "current" returns the one that is shown.
  constructor(open, current) {
    this.open = open;
    this.current = current;
    this.entries = [];
    $("search").addEventListener("input", () => this.show());
    $("import").addEventListener("click", () => $("import-file").click());
    $("import-file").addEventListener("change", () => this.importFiles([...$("import-file").files]));
    $("export").addEventListener("click", () => this.exportFile());
  }

  async refresh() {
    try {
      const { conversations, problems } = await post("conversations", {});
      this.entries = conversations;
      $("unreadable").textContent = problems.join(" ");
      $("unreadable").hidden = !problems.length;
      this.show();
    } catch (error) {
      if (!$("problem").textContent) complain(error.message);
    }
  }

  show() {
    const words = $("search").value.trim().toLowerCase();
    const found = this.entries.filter((one) => one.title.toLowerCase().includes(words));
    $("list").replaceChildren(...found.map((one) => this.row(one)));
    $("none").hidden = found.length > 0;
    $("none").textContent = words ? "No title has these words." : "Nothing is saved yet.";
  }

  row({ name, title, turns, changed }) {
    const day = new Date(changed * 1000).toLocaleDateString([], { day: "numeric", month: "short" });
    const open = button("", () => this.open(name), { class: "open" });
    open.append(element("span", { class: "title" }, title),
      element("span", { class: "when" }, `${day}, ${turns} ${turns === 1 ? "turn" : "turns"}`));
    if (name === this.current()) open.setAttribute("aria-current", "true");
    return element("li", {}, open,
      button("Rename", () => this.rename(name, title), { class: "quiet", "aria-label": `Rename ${title}` }),
      button("Delete", () => this.remove(name, title), { class: "quiet", "aria-label": `Delete ${title}` }));
  }

  async rename(session, title) {
    $("new-title").value = title;
    if (!(await opened("rename-dialog"))) return;
    await this.change(() => post("rename", { session, title: $("new-title").value }), "Renamed.");
    if (session === this.current()) this.open(session);
    tellOthers(session);
  }

  async remove(session, title) {
    const told = `"${title}" and all that was said in it will be deleted. This can't be undone.`;
    if (!(await confirmed("Delete this conversation?", told, "Delete"))) return;
    await this.change(() => post("delete", { session }), "Deleted.");
    if (session === this.current()) this.open(null);
    tellOthers(session);
    $("search").focus();
  }

  async change(run, done) {
    try {
      await run();
      say(done);
    } catch (error) { complain(error.message); }
    await this.refresh();
  }

  async importFiles(files) {
    const problems = [];
    let count = 0;
    let last = null;
    for (const file of files) {
      try {
        if (file.size > LARGEST) throw new Error("it is larger than 64 MiB");
        const found = await post("import", { text: await file.text() });
        problems.push(...found.problems.map((one) => `${file.name}, ${one}`));
        count += found.sessions.length;
        last = found.sessions.at(-1);
      } catch (error) { problems.push(`${file.name}: ${error.message}`); }
    }
    $("import-file").value = "";
    await this.refresh();
    if (count === 1) this.open(last);
    say(`Imported: ${count}.`);
    complain([count > 1 ? `${count} conversations were imported.` : "", ...problems].filter(Boolean).join(" "));
  }

  async exportFile() {
    if (!(await opened("export-dialog"))) return;
    const format = new FormData($("export-dialog").querySelector("form")).get("format");
    try {
      const text = await (await send("export", { session: this.current(), format })).text();
      const title = $("title").textContent.replace(/[^\p{L}\p{N} _-]+/gu, "").trim() || "conversation";
      download(text, `${title.slice(0, 60)}${ENDS[format]}`);
    } catch (error) { complain(error.message); }
  }
}
