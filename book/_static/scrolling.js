/* Blocks that scroll can have the focus, so that the arrow keys move them. The theme does that too, but
   has all that is folded laid out for it, block by block; lean_site.py takes that part out of it. */

const BLOCKS = "pre, .cell_output > .output, .pst-scrollable-table-container";
const QUIET = 300; // milliseconds after the last change

function scrolls(block) {
  return block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight;
}

function mark(part) {
  const shown = [...part.querySelectorAll(BLOCKS)].filter((block) => block.checkVisibility());
  // All questions come before the first change: each question after one would lay out the page again.
  const indexes = shown.map((block) => scrolls(block) ? 0 : -1);
  shown.forEach((block, number) => {
    if (block.tabIndex !== indexes[number]) block.tabIndex = indexes[number];
  });
}

let timer = null;

function markSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => mark(document), QUIET);
}

addEventListener("load", markSoon);
addEventListener("resize", markSoon);
document.addEventListener("toggle", ({ target }) => mark(target), true); // folded parts, opened
new MutationObserver(markSoon).observe(document.querySelector("main"), { childList: true, subtree: true });
