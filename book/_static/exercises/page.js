/* A page of exercises: each is written, checked and kept here, in the reader's browser. Where Python
   can't run, the page stays as it is and says so. */
import { EXERCISES } from "./catalog.js";
import { element } from "../elements.js";
import { Exercise } from "./form.js";
import { panel } from "./panel.js";
import { progress } from "./progress.js";

function begin() {
  const article = document.querySelector("article") ?? document.body;
  const heading = article.querySelector("h1");
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
    heading.after(element("p", { class: "exercise-note" },
      "This browser has no WebAssembly, which Python in a page needs. So nothing can be checked here: " +
      "open the page as a notebook, or use another browser."));
    return;
  }
  const here = Object.keys(EXERCISES).filter((name) => document.getElementById(`ex-${name}`));
  const exercises = here.filter((name) => !EXERCISES[name].elsewhere)
    .map((name) => new Exercise(name, document.getElementById(`ex-${name}`)));
  for (const name of here.filter((one) => EXERCISES[one].elsewhere)) {
    document.getElementById(`ex-${name}`).closest("section").querySelector("div.cell").before(
      element("p", { class: "exercise-note" },
        "This exercise needs PyTorch, which browsers don't have. Open the page as a notebook to check it."));
  }
  const first = heading.parentElement.querySelector(":scope > p, :scope > div.cell");
  first.after(panel.build(exercises));
  progress.listeners.push(() => {
    exercises.forEach((one) => one.show());
    panel.show();
  });
  panel.show();
}

begin();
