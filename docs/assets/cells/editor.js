// A plain editor: a text field for code. Tab indents; Escape, then Tab, leaves it, so that no keyboard is caught.

const INDENT = "    ";

/** Makes a text field an editor; `changed` hears of every change. */
export function edit(area, changed) {
  let leaving = false;
  const grow = () => (area.rows = area.value.split("\n").length + 1);
  const insert = (text) => {
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
    area.dispatchEvent(new Event("input"));
  };
  area.addEventListener("input", () => {
    grow();
    changed();
  });
  area.addEventListener("blur", () => (leaving = false));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaving = true;
    else if (event.key === "Tab" && !event.shiftKey && !leaving) {
      event.preventDefault();
      insert(INDENT);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.isComposing) {
      event.preventDefault();
      insert(`\n${indentation(area)}`);
    } else if (event.key !== "Tab" && event.key !== "Shift") leaving = false;
  });
  return {
    set(code) {
      area.value = code;
      grow();
    },
  };
}

/** How far the next line is indented: as the one of the cursor, deeper after a colon. */
export function indentation({ value, selectionStart }) {
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  return line.match(/^ */)[0] + (line.trimEnd().endsWith(":") ? INDENT : "");
}
