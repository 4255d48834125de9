/* The inside of one pass: where each head looks, what the model would say after each layer, and what
   changes when a head is switched off. */

import { modelPanel } from "../model_panel.js";
import { bars, button, check, counted, h, percent, row, slider, table, textField } from "../view.js";

const SIDE = 64; // pixels of a small map, about; never more for a long text
const WIDEST = 40; // tokens: beyond them a map of numbers is shown row by row
const SEEN = 20; // tokens of such a row, those with the largest weights

export default function attention({ text, layer = "0", head = "0" }) {
  const field = textField("Your text", text);
  const without = check("switch the chosen head off", { onchange: () => panel.go() });
  const maps = h("div"), map = h("div"), lens = h("div");
  let chosen = { layer: Number(layer), head: Number(head) };
  let pass = null;

  async function run(request) {
    const whole = await request("inside", { text: field.value() });
    const off = [`${chosen.layer}.${chosen.head}`];
    pass = without.value() ? await request("inside", { text: field.value(), off }) : whole;
    maps.replaceChildren(overview(pass.attentions, chosen, open));
    drawMap();
    drawLens();
    const [now] = pass.candidates, [before] = whole.candidates;
    const all = `The model goes on with ${before.name} (${percent(before.share)}).`;
    return without.value()
      ? `${all} Without head ${chosen.head} of layer ${chosen.layer}: ${now.name} (${percent(now.share)}).`
      : all;
  }

  function open(place) {
    chosen = place;
    if (without.value()) panel.go();
    else drawMap();
  }

  function drawMap() {
    const { tokens, attentions } = pass;
    const weights = attentions[chosen.layer][chosen.head];
    const title = `Layer ${chosen.layer}, head ${chosen.head}.`;
    map.replaceChildren(...(tokens.length > WIDEST ? rowByRow : wholeMap)(title, tokens, weights));
  }

  function drawLens() {
    const rows = pass.lens.map((top, at) => [
      at === 0 ? "embedding" : `layer ${at - 1}`,
      ...top.slice(0, 3).map(({ name, share }) => `${name} ${percent(share)}`),
    ]);
    lens.replaceChildren(table("Logit lens: what the last vector would predict after each layer",
      ["after", "first", "second", "third"], rows));
  }

  const panel = modelPanel({ run, text: "Look inside", results: [maps, map, lens] });
  return [field.node, row(without), ...panel.nodes, maps, map, lens];
}

/* All heads as small maps. A click opens one; arrow keys go from one to the next. */
function overview(attentions, chosen, open) {
  const nodes = attentions.map((heads, layer) => heads.map((weights, head) => {
    const node = button(picture(weights), () => choose(layer, head));
    node.setAttribute("aria-label", `Layer ${layer}, head ${head}`);
    node.addEventListener("keydown", (event) => walk(event, layer, head));
    return node;
  }));

  function mark(layer, head) {
    nodes.forEach((line, at) => line.forEach((node, place) => {
      const here = at === layer && place === head;
      node.setAttribute("aria-pressed", here);
      node.tabIndex = here ? 0 : -1; // one stop of the Tab key for all of them
    }));
  }

  function choose(layer, head) {
    mark(layer, head);
    open({ layer, head });
  }

  function walk(event, layer, head) {
    const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key]
      ?? [0, 0];
    const next = nodes[layer + down]?.[head + right];
    if (!next || next === nodes[layer][head]) return;
    event.preventDefault();
    nodes.flat().forEach((node) => { node.tabIndex = node === next ? 0 : -1; });
    next.focus();
  }

  mark(chosen.layer, chosen.head);
  const heads = attentions[0].map((_, head) => `head ${head}`);
  const grid = table("All heads: rows of a small map are tokens, columns the tokens that they look at. Choose one",
    ["layer", ...heads], nodes.map((line, layer) => [String(layer), ...line]));
  grid.querySelector("table").classList.add("live-heads");
  return grid;
}

function wholeMap(title, tokens, weights) {
  const rows = weights.map((seen, t) => [tokens[t], ...tokens.map((_, at) => cell(seen[at]))]);
  const grid = table(`${title} Each row: how much its token looks at the tokens of the columns, in percent`,
    ["token", ...tokens], rows);
  grid.querySelector("table").classList.add("live-map");
  return [grid];
}

/* The rows of a long text one at a time: a table of 500 x 500 would stop the page. */
function rowByRow(title, tokens, weights) {
  const place = h("div");
  const which = slider("Token that looks", { min: 1, max: tokens.length, step: 1, value: tokens.length,
    format: (n) => `${n} of ${tokens.length}, ${tokens[n - 1]}`, onchange: draw });
  function draw() {
    const t = which.value() - 1;
    const order = Array.from(weights[t].keys()).sort((a, b) => weights[t][b] - weights[t][a]).slice(0, SEEN);
    place.replaceChildren(bars(`${title} What token ${t + 1} looks at most, ${counted(order.length, "token")} of ${t + 1}`,
      ["token", "weight"], order.map((at) =>
        ({ name: `${at + 1} ${tokens[at]}`, share: weights[t][at], text: percent(weights[t][at]) }))));
  }
  draw();
  return [which.node, place];
}

/* A map without numbers: its picture is a mask, so that the color is that of the page, light or dark.
   Where a pixel stands for several weights, it shows the largest. */
function picture(weights) {
  const size = weights.length, side = size > SIDE ? SIDE : size * Math.round(SIDE / size);
  const canvas = h("canvas", { width: side, height: side });
  const pen = canvas.getContext("2d"), image = pen.createImageData(side, side);
  const pixels = Array.from(weights, (_, at) => // the first pixel of each token, and the one after its last
    [Math.floor((at * side) / size), Math.ceil(((at + 1) * side) / size)]);
  weights.forEach((seen, t) => seen.forEach((weight, at) => {
    for (let y = pixels[t][0]; y < pixels[t][1]; y++) {
      for (let x = pixels[at][0]; x < pixels[at][1]; x++) {
        const alpha = 4 * (y * side + x) + 3;
        image.data[alpha] = Math.max(image.data[alpha], 255 * weight);
      }
    }
  }));
  pen.putImageData(image, 0, 0);
  return h("span", { class: "live-picture", style: `mask-image:url(${canvas.toDataURL()})` });
}

/* A weight as a number on a ground as dark as it is large; text stays readable on it. */
function cell(weight) {
  if (weight === undefined) return "";
  const ground = `color-mix(in srgb, var(--pst-color-primary) ${Math.round(30 * weight)}%, transparent)`;
  return h("span", { style: `display:block;background:${ground}` }, Math.round(100 * weight).toString());
}
