// The settings of a conversation. They hold from the next message on.

import { $, complain, element, say } from "./element.js";
import { post } from "./server.js";

const NUMBERS = ["temperature", "max_new_tokens", "context"];

export class Settings {
  // "current" returns the conversation that is shown, "changed" is called with what is set.
  constructor(current, changed) {
    this.current = current;
    this.changed = changed;
    $("settings").addEventListener("click", () => this.open());
    $("settings-form").addEventListener("submit", (event) => { event.preventDefault(); this.apply(); });
  }

  async open() {
    try {
      this.show(await post("settings", { session: this.current() }));
      $("settings-dialog").showModal();
    } catch (error) { complain(error.message); }
  }

  show(set) {
    this.shown = set;
    $("set-model").value = set.model;
    $("models").replaceChildren(...set.models.map((value) => element("option", { value })));
    $("set-model").closest("p").hidden = !set.switch;
    $("set-system").value = set.system;
    for (const name of NUMBERS) $(`set-${name}`).value = set[name] ?? "";
    $("longest").textContent = `The model has ${set.longest}.`;
    this.refuse("", "");
  }

  async apply() {
    const set = { model: $("set-model").value, system: $("set-system").value };
    const moved = set.model !== this.shown.model; // another model has lengths of its own
    for (const name of NUMBERS) {
      const text = $(`set-${name}`).value.trim();
      const same = text === String(this.shown[name] ?? "");
      if (text && !(moved && same)) set[name] = Number.isNaN(Number(text)) ? text : Number(text);
    }
    $("settings-yes").disabled = true;
    this.refuse("", moved ? "Loading the model …" : "");
    try {
      this.changed(await post("settings", { session: this.current(), set }));
      $("settings-dialog").close();
      say("Set.");
    } catch (error) {
      this.refuse(error.more?.field ?? "", error.message);
    } finally {
      $("settings-yes").disabled = false;
    }
  }

  // Say what is wrong, and point at the field.
  refuse(field, message) {
    $("settings-problem").textContent = message;
    for (const one of $("settings-form").querySelectorAll("input, textarea")) one.removeAttribute("aria-invalid");
    const wrong = $(`set-${field}`);
    wrong?.setAttribute("aria-invalid", "true");
    wrong?.focus();
  }
}
