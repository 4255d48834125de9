/* Prompt templates with {name} fields: companion.prompts.templates.fill, and what LangChain's does otherwise. */

/* The parts of a template: [{text}, {name}, ...]. Throws: Error in words if it is none. */
export function parts(template) {
  const found = [];
  let text = "";
  for (let at = 0; at < template.length; at++) {
    const two = template.slice(at, at + 2);
    if (two === "{{" || two === "}}") {
      text += two[0];
      at++;
    } else if (template[at] === "}") {
      throw new Error("There is a closing brace without an opening one. Write }} for a brace.");
    } else if (template[at] === "{") {
      const end = template.indexOf("}", at);
      const name = end < 0 ? "" : template.slice(at + 1, end);
      if (end < 0) throw new Error("A brace is not closed. Write {{ for a brace.");
      if (!/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) {
        throw new Error(`{${name}} is no name. A field is a name in braces; write {{ and }} for braces.`);
      }
      found.push({ text }, { name });
      text = "";
      at = end;
    } else text += template[at];
  }
  return [...found, { text }];
}

/* The names of the fields, each once, in their order. */
export const names = (template) => [...new Set(parts(template).flatMap(({ name }) => name ?? []))];

/* The text. Args: values, a Map from names to texts; those that are left over are no matter here. */
export function fill(template, values) {
  return parts(template).map(({ text, name }) => (name === undefined ? text : values.get(name))).join("");
}

/* What is wrong with the values: {missing, extra}, lists of names. */
export function compare(template, values) {
  const wanted = names(template);
  return { missing: wanted.filter((name) => !values.has(name)), extra: [...values.keys()].filter((name) => !wanted.includes(name)) };
}
