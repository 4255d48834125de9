/* Small interactive figures without dependencies.
   <div class="llm-widget" data-widget="temperature" data-tokens="a,b" data-logits="2,1"> */
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const ROW = 28, LABEL = 84, VALUE = 64, WIDEST = 640; // pixels

  function element(name, attributes, text) {
    const node = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function softmax(logits, temperature) {
    const top = Math.max(...logits);
    const weights = logits.map((logit) => Math.exp((logit - top) / temperature));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  }

  /* Bars as wide as the page allows, with text of a fixed size, so that a phone can show them. */
  function drawBars(svg, tokens, probabilities) {
    const width = Math.min(WIDEST, svg.parentNode.clientWidth - 32);
    const longest = width - LABEL - VALUE;
    svg.setAttribute("width", width);
    svg.setAttribute("height", ROW * tokens.length);
    svg.replaceChildren();
    probabilities.forEach((p, row) => {
      const y = row * ROW;
      const bar = Math.max(1, p * longest);
      svg.append(
        element("text", { x: LABEL - 8, y: y + 18, "text-anchor": "end" }, tokens[row]),
        element("rect", { x: LABEL, y: y + 5, width: bar, height: 18, rx: 2 }),
        element("text", { x: LABEL + bar + 6, y: y + 18 }, (100 * p).toFixed(1) + " %"),
      );
    });
  }

  function temperature(root, number) {
    const tokens = root.dataset.tokens.split(",").map((token) => token.trim());
    const logits = root.dataset.logits.split(",").map(Number);
    const id = "temperature-" + number;
    root.querySelector(".llm-static").remove();
    root.innerHTML =
      `<label for="${id}">Temperature <output for="${id}"></output></label>` +
      `<input id="${id}" type="range" min="0.1" max="3" step="0.05" value="1">`;
    const input = root.querySelector("input");
    const output = root.querySelector("output");
    const svg = element("svg", { role: "img" });
    root.append(svg);

    function draw() {
      const value = Number(input.value);
      const probabilities = softmax(logits, value);
      const said = tokens.map((t, i) => `${t} ${(100 * probabilities[i]).toFixed(1)} %`).join(", ");
      output.value = value.toFixed(2);
      input.setAttribute("aria-valuetext", `${value.toFixed(2)}; ${said}`);
      svg.setAttribute("aria-label", `Probabilities at temperature ${value.toFixed(2)}: ${said}`);
      drawBars(svg, tokens, probabilities);
    }
    input.addEventListener("input", draw);
    window.addEventListener("resize", draw);
    draw();
  }

  const kinds = { temperature };
  document.querySelectorAll(".llm-widget").forEach((root, number) => {
    kinds[root.dataset.widget]?.(root, number);
  });
})();
