/* How far one has read: a line at the top of the page, and a mark beside each page read to its end.
   What was read is kept in this browser and goes nowhere. */

const KEY = "book-read";
const END = 0.9; // of a page's text: whoever has it on the screen has read the page

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return new Set(Array.isArray(kept) ? kept : []);
  } catch {
    return new Set(); // no storage, or something else's text in it
  }
}

function keep(page) {
  const pages = read().add(page);
  try {
    localStorage.setItem(KEY, JSON.stringify([...pages]));
  } catch { /* no storage: the mark is lost with the page */ }
}

/** A page's name, the same wherever the site is: its path below the root of the book. */
function nameOf(url) {
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href);
  return new URL(url, location.href).pathname.slice(root.pathname.length);
}

function mark() {
  const pages = read();
  for (const link of document.querySelectorAll(".bd-sidebar-primary .bd-links a")) {
    if (!pages.has(nameOf(link.href)) || link.querySelector(".toc-read")) continue;
    const sign = document.createElement("span");
    sign.className = "toc-read";
    sign.textContent = "✓";
    sign.title = "read in this browser";
    link.append(" ", sign);
  }
}

function follow(article) {
  const line = document.createElement("div");
  line.className = "reading-line";
  line.setAttribute("aria-hidden", "true");
  document.body.append(line);
  let isDone = false;
  const update = () => {
    const { top, height } = article.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (innerHeight - top) / height));
    const isShort = height <= innerHeight;
    line.style.scale = `${isShort ? 0 : share} 1`;
    if (!isDone && share >= END && (isShort || scrollY > 0)) {
      isDone = true;
      keep(nameOf(location.href));
      mark();
    }
  };
  addEventListener("scroll", update, { passive: true });
  // The first call comes when the page is laid out: asking earlier would have it laid out twice.
  new ResizeObserver(update).observe(article);
}

const article = document.querySelector("article.bd-article");
mark();
if (article && document.querySelector(".run-line")) follow(article); // pages of the book, no lists
