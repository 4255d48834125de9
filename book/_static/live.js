/* Puts a button under each figure that can be tried. What it needs is loaded when it is pressed:
   the widget's own module, and a model only where the widget runs one. Without scripts, the text
   or table inside of `.live-static` is all there is. */
(() => {
  "use strict";
  const folder = new URL("live/", document.currentScript.src);

  async function open(root, button) {
    if (button.ariaDisabled) return; // it opens already; `disabled` would drop the keyboard's focus
    button.ariaDisabled = "true";
    try {
      const { start } = await import(new URL("frame.js", folder));
      await start(root, folder);
      button.remove();
    } catch {
      button.ariaDisabled = null;
      const words = "This part of the page did not arrive. Is there a connection? Then press again.";
      let note = root.querySelector(".live-missing");
      if (!note) button.after(note = document.createElement("p"));
      note.className = "live-missing";
      note.setAttribute("role", "alert");
      note.textContent = words;
    }
  }

  for (const root of document.querySelectorAll(".live")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "live-start";
    button.textContent = root.dataset.button;
    button.addEventListener("click", () => open(root, button));
    root.append(button);
  }
})();
