// Documents that are added to a conversation: chosen or dropped, one after the other.

import { $, button, complain, element, say } from "./element.js";
import { post } from "./server.js";

const LARGEST = 20_000_000;

export class Documents {
  // "current" returns the conversation that is shown.
  constructor(current) {
    this.current = current;
    this.names = null;
    $("add").addEventListener("click", () => $("add-file").click());
    $("add-file").addEventListener("change", () => this.add([...$("add-file").files]));
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
  }

  dragged(event, over) {
    if (!this.taken || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("dropping", over);
  }

  async add(files) {
    const problems = [];
    complain("");
    $("progress").hidden = false;
    $("progress").max = files.length;
    for (const [at, file] of files.entries()) {
      $("progress").value = at + 0.5; // reading and embedding it takes the other half
      $("adding").textContent = `Reading ${file.name} …`;
      try {
        if (file.size > LARGEST) throw new Error("it is larger than 20 MB. Split it.");
        const data = await base64(file);
        this.show((await post("upload", { session: this.current(), name: file.name, data })).documents);
      } catch (error) {
        const named = error.message.includes(file.name);
        problems.push(named ? error.message : `${file.name}: ${error.message}`);
      }
    }
    $("progress").hidden = true;
    $("adding").textContent = "";
    $("add-file").value = "";
    say(`Added: ${files.length - problems.length}.`);
    complain(problems.join(" "));
  }

  async remove(name) {
    try {
      this.show((await post("remove", { session: this.current(), name })).documents);
      say("Removed.");
      $("add").focus();
    } catch (error) { complain(error.message); }
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
