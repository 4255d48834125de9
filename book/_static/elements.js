/* Elements of a page, made in one line each: element("p", {class: "note"}, "text", child). An attribute
   that begins with "on" is what to call; one that is false or null is left out. */

export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null) node.setAttribute(name, value);
  }
  node.append(...children.flat());
  return node;
}

export function button(text, onclick) {
  return element("button", { type: "button", onclick }, text);
}

/* 4,191,270 */
export const grouped = (value) => value.toLocaleString("en-US");

/* 1 token, 2 tokens */
export const counted = (count, noun, many = `${noun}s`) => `${grouped(count)} ${count === 1 ? noun : many}`;
