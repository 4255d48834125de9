/* A page of exercises: each is written, checked and kept here, in the reader's browser. Where Python
   can't run, or a part of this does not arrive, the page stays as it is and says so. */

const PARTS = ["catalog", "form", "panel", "progress"];
const AT_A_TIME = 5;

const article = document.querySelector("article") ?? document.body;
const heading = article.querySelector("h1");

function note(text) {
  const line = document.createElement("p");
  line.className = "exercise-note";
  line.textContent = text;
  return line;
}

/* Build in several turns: between them the browser can scroll and show what is there. */
async function build([{ EXERCISES }, { Exercise }, { panel }, { progress }]) {
  const here = Object.keys(EXERCISES).filter((name) => document.getElementById(`ex-${name}`));
  const exercises = [];
  for (const name of here.filter((one) => !EXERCISES[one].elsewhere)) {
    exercises.push(new Exercise(name, document.getElementById(`ex-${name}`)));
    if (exercises.length % AT_A_TIME === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  for (const name of here.filter((one) => EXERCISES[one].elsewhere)) {
    document.getElementById(`ex-${name}`).closest("section").querySelector("div.cell").before(
      note("This exercise needs PyTorch, which browsers don't have. Open the page as a notebook to check it."));
  }
  const first = heading.parentElement.querySelector(":scope > p, :scope > div.cell");
  first.after(panel.build(exercises));
  progress.listeners.push(() => {
    exercises.forEach((one) => one.show());
    panel.show();
  });
  panel.show();
}

async function begin() {
  if (typeof WebAssembly !== "object" || typeof Worker !== "function") {
    heading.after(note("This browser has no WebAssembly, which Python in a page needs. So nothing can be checked here: " +
      "open the page as a notebook, or use another browser."));
    return;
  }
  let parts;
  try {
    parts = await Promise.all(PARTS.map((name) => import(`./${name}.js`)));
  } catch {
    heading.after(note("A part of this page did not arrive, so nothing can be checked here. Are you offline? " +
      "Reload the page; if that does not help, open it as a notebook."));
    return;
  }
  await build(parts);
}

await begin();
