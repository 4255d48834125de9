/* Beside the links to pages of exercises: how many of them are solved, in this browser. */
import { EXERCISES } from "./catalog.js";
import { progress } from "./progress.js";

function show() {
  for (const link of document.querySelectorAll('.bd-sidebar-primary .bd-links a')) {
    const section = new URL(link.href).pathname.match(/\/([\w-]+)\/exercises\.html$/)?.[1];
    const names = Object.keys(EXERCISES).filter((name) => EXERCISES[name].place[0] === section);
    const solved = names.filter((name) => progress.of(name).solved).length;
    let mark = link.querySelector(".toc-solved");
    if (!solved) {
      mark?.remove();
      continue;
    }
    if (!mark) {
      mark = document.createElement("span");
      mark.className = "toc-solved";
      link.append(" ", mark);
    }
    mark.textContent = `${solved} of ${names.length}`;
    mark.title = "solved in this browser";
  }
}

progress.listeners.push(show);
show();
