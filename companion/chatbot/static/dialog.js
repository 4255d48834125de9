// Dialogs: the browser keeps the focus inside, Escape closes, and the focus goes back afterwards.

import { $ } from "./element.js";

// Open a dialog of the page; resolves with whether it was left by its main button.
export function opened(id) {
  const dialog = $(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

export function confirmed(title, text, label) {
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = label;
  return opened("confirm-dialog");
}

for (const cancel of document.querySelectorAll("dialog .cancel")) {
  cancel.addEventListener("click", () => cancel.closest("dialog").close());
}
