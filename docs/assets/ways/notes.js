// What is behind a word: a dot says which claim it is, a term what it means. It shows when pointed at, reached by the
// keyboard, or touched; touched again, it leads where its link leads.

const KINDS = {
  ".mc-says a": (dot) => ({ label: dot.getAttribute("aria-label").split(": ")[0], more: "The claim and its evidence" }),
  "a.mc-term": (term) => ({ label: "", more: `“${term.textContent}” in the glossary` }),
};
const note = Object.assign(document.createElement("div"), { className: "mc-note", id: "mc-note", hidden: true });
note.role = "tooltip";
let shown = null;

function show(anchor) {
  if (shown === anchor) return;
  hide();
  shown = anchor;
  const { label, says, more } = anchor.dataset;
  const link = Object.assign(document.createElement("a"), { href: anchor.href, textContent: more, tabIndex: -1 });
  const lines = [paragraph(says), link];
  note.className = `mc-note ${anchor.className}`;
  note.replaceChildren(...(label ? [paragraph(label, "mc-label"), ...lines] : lines));
  note.hidden = false;
  anchor.setAttribute("aria-describedby", note.id);
  place(anchor.getBoundingClientRect());
}

function paragraph(textContent, className = "") {
  return Object.assign(document.createElement("p"), { textContent, className });
}

/** Below the word, or above it where there is no room; never beyond the window. */
function place(anchor) {
  const { width, height } = note.getBoundingClientRect();
  const left = Math.min(Math.max(anchor.left + anchor.width / 2 - width / 2, 8), document.documentElement.clientWidth - width - 8);
  const top = anchor.bottom + height + 8 > innerHeight ? anchor.top - height + 1 : anchor.bottom - 1; // without a gap to cross
  note.style.left = `${left + scrollX}px`;
  note.style.top = `${top + scrollY}px`;
}

function hide() {
  shown?.removeAttribute("aria-describedby");
  shown = null;
  note.hidden = true;
}

function explain(anchor, { label, more }) {
  Object.assign(anchor.dataset, { label, more, says: anchor.title });
  anchor.removeAttribute("title"); // the browser would show it a second time
  let toRead = false; // whether this touch is the first, which shows, or the second, which leads on
  anchor.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse") show(anchor); });
  anchor.addEventListener("pointerdown", (event) => { toRead = event.pointerType !== "mouse" && shown !== anchor; });
  anchor.addEventListener("focus", () => show(anchor));
  anchor.addEventListener("click", (event) => {
    if (toRead) event.preventDefault();
    toRead = false;
    show(anchor);
  });
}

for (const [kind, read] of Object.entries(KINDS)) {
  for (const anchor of document.querySelectorAll(kind)) explain(anchor, read(anchor));
}
const explained = Object.keys(KINDS).join();
if (document.querySelector(explained)) {
  document.body.append(note);
  const inside = (target) => target instanceof Element && target.closest(`${explained}, .mc-note`);
  document.addEventListener("pointerover", (event) => { if (!inside(event.target) && event.pointerType === "mouse") hide(); });
  document.addEventListener("pointerdown", (event) => { if (!inside(event.target)) hide(); });
  document.addEventListener("focusin", (event) => { if (!inside(event.target)) hide(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}
