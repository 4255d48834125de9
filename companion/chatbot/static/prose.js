// A text in Markdown that grows. Only its last two blocks are read again when something is added: what
// stands before them can't change any more. And reading takes at most a fifth of the time, so a long
// answer costs no more per word than a short one. Blocks that stay the same are not touched.

import { blocks, elements } from "./markdown.js";

const LIVE = 2; // a list, say, and the line below it that may still join it

export class Prose {
  constructor(container) {
    this.container = container;
    this.text = "";
    this.start = 0; // where the first block that may change begins
    this.settled = 0; // how many blocks are before it
    this.shown = []; // { html, nodes } of each block
    this.env = {};
    this.timer = null;
    this.cost = 0; // milliseconds of the last reading
  }

  add(piece) {
    this.text += piece;
    this.timer ??= setTimeout(() => this.update(), Math.min(2000, Math.max(15, 4 * this.cost)));
  }

  update() {
    const began = performance.now();
    this.timer = null;
    const tail = this.text.slice(this.start);
    const found = blocks(tail, this.env);
    this.show(found, this.settled);
    const settled = found.length - LIVE;
    if (settled > 0) {
      this.start += offset(tail, found[settled].line);
      for (const { html } of found.slice(0, settled)) {
        this.env.heading = Number(/^<h(\d)/.exec(html)?.[1] ?? this.env.heading ?? 2);
      }
      this.settled += settled;
    }
    this.cost = performance.now() - began;
  }

  // Show the text once more as a whole: a reference may be explained only at the end.
  finish(text) {
    clearTimeout(this.timer);
    this.timer = null;
    this.text = text;
    this.show(blocks(text, {}), 0);
  }

  show(found, first) {
    for (const [at, { html }] of found.entries()) {
      const old = this.shown[first + at];
      if (old?.html === html) continue;
      const nodes = elements(html);
      if (old) old.nodes[0].before(...nodes);
      else this.container.append(...nodes);
      old?.nodes.forEach((node) => node.remove());
      this.shown[first + at] = { html, nodes };
    }
    for (const { nodes } of this.shown.splice(first + found.length)) nodes.forEach((node) => node.remove());
  }
}

// Return where a line of a text begins.
function offset(text, line) {
  let at = 0;
  for (let count = 0; count < line; count += 1) at = text.indexOf("\n", at) + 1;
  return at;
}
