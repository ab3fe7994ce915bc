// A plain editor: a text field for code, with its colours behind it. Tab indents; Escape, then Tab, leaves it, so that
// it catches no keyboard.

import { html } from "../html.js";

const INDENT = "    ";
const KEYWORDS =
  "and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield None True False";
const TOKENS = new RegExp(
  [
    "(?<c1>#.*)",
    "(?<s>[rbfRBF]{0,2}(?:\"\"\"[^]*?(?:\"\"\"|$)|'''[^]*?(?:'''|$)|\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?))",
    `(?<k>\\b(?:${KEYWORDS.replaceAll(" ", "|")})\\b)`,
    "(?<mi>\\b\\d[\\w.]*)",
    "(?<nf>(?<=\\bdef )\\w+)",
    "(?<nb>\\b(?:abs|len|list|max|min|print|range|reversed|round|sorted|sum|zip|enumerate)(?=\\())",
  ].join("|"),
  "g",
);

/** The text in pieces, each with the class that colours it as on the rest of the site. */
export function* coloured(code) {
  let end = 0;
  for (const match of code.matchAll(TOKENS)) {
    yield ["", code.slice(end, match.index)];
    yield Object.entries(match.groups).find(([, text]) => text !== undefined);
    end = match.index + match[0].length;
  }
  yield ["", code.slice(end)];
}

/** How far the next line is indented: as the one of the cursor, deeper after a colon. */
export function indentation({ value, selectionStart }) {
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  return line.match(/^ */)[0] + (line.trimEnd().endsWith(":") ? INDENT : "");
}

/** Makes a text field an editor over the element that shows its colours; `changed` hears of every change. */
export function edit(area, behind, changed) {
  let leaving = false;
  const paint = () => {
    const pieces = [...coloured(area.value)].filter(([, text]) => text);
    behind.replaceChildren(...pieces.map(([style, text]) => html("span", style ? { class: style } : {}, text)), "\n");
  };
  const insert = (text) => {
    // The old command is the one that a reader can undo.
    if (!document.execCommand("insertText", false, text)) area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
  };
  area.addEventListener("input", () => {
    paint();
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
      area.value = code.replace(/\n$/, "");
      paint();
    },
  };
}
