// Elements of the page. What the model, a document or the user wrote goes in as text, never as HTML.

export const $ = (id) => document.getElementById(id);

// element("p", { class: "note", hidden: true }, "some text", another) makes a <p>.
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(label, run, attributes = {}) {
  const made = element("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", run);
  return made;
}

// Offer a text as a file to save.
export function download(text, name) {
  const link = element("a", { download: name });
  link.href = URL.createObjectURL(new Blob([text], { type: "application/octet-stream" }));
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// What a screen reader says, and what went wrong.
export function say(text) { $("state").textContent = text; }
export function complain(text) { $("problem").textContent = text; }
