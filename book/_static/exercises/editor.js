/* Makes a text area good enough for a few lines of Python. Every change goes through the browser's
   own editing, so that undo works. Escape and then Tab leaves the field, as without this script. */
const INDENT = "    ";

export function makeEditor(area, { onrun }) {
  let leaving = false;
  area.addEventListener("keydown", (event) => {
    const { key } = event;
    if (key === "Escape") {
      leaving = true;
      return;
    }
    if (key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onrun();
    } else if (key === "Tab" && !leaving && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      if (event.shiftKey) unindent(area);
      else indent(area);
    } else if (key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      insert(area, `\n${nextIndent(lineBefore(area))}`);
    }
    if (key !== "Shift") leaving = false;
  });
  const grow = () => { area.rows = Math.min(40, Math.max(3, area.value.split("\n").length + 1)); };
  area.addEventListener("input", grow);
  grow();
}

/* Put text in the place of what is selected, as if it were typed. */
export function insert(area, text) {
  area.focus();
  const done = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (!done) {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function lineStart(area) {
  return area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
}

function lineBefore(area) {
  return area.value.slice(lineStart(area), area.selectionStart);
}

function nextIndent(line) {
  const indent = line.match(/^[ \t]*/)[0];
  return line.trimEnd().endsWith(":") ? indent + INDENT : indent;
}

function indent(area) {
  if (area.selectionStart === area.selectionEnd) {
    const column = lineBefore(area).length;
    return insert(area, INDENT.slice(column % INDENT.length));
  }
  changeLines(area, (line) => (line ? INDENT + line : line));
}

function unindent(area) {
  changeLines(area, (line) => line.replace(/^ {1,4}/, ""));
}

function changeLines(area, change) {
  const start = lineStart(area);
  const caret = area.selectionStart === area.selectionEnd;
  const stop = caret ? endOfLine(area) : area.selectionEnd;
  const before = area.value.slice(start, stop);
  const after = before.split("\n").map(change).join("\n");
  if (after === before) return;
  const place = Math.max(start, area.selectionStart + after.length - before.length);
  area.setSelectionRange(start, stop);
  insert(area, after);
  if (caret) area.setSelectionRange(place, place);
  else area.setSelectionRange(start, start + after.length);
}

function endOfLine(area) {
  const end = area.value.indexOf("\n", area.selectionStart);
  return end < 0 ? area.value.length : end;
}
