/* Opens one widget: loads its style and its module, and hands it the place and the options. */

const TITLE = "Try it";

export async function start(root, folder) {
  await style(new URL("live.css", folder).href);
  const { default: widget } = await import(`./widgets/${root.dataset.live}.js`);
  const panel = document.createElement("div");
  panel.className = "live-panel";
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", TITLE);
  panel.append(...widget(JSON.parse(root.dataset.options)));
  root.querySelector(".live-missing")?.remove();
  root.append(panel);
  panel.querySelector("input, textarea, select, button")?.focus({ preventScroll: true });
}

function style(href) {
  if (document.querySelector(`link[href="${href}"]`)) return Promise.resolve();
  return new Promise((resolve) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
    link.onload = link.onerror = resolve; // without its style a widget still works
    document.head.append(link);
  });
}
