// The dots behind a sentence say which claim they are: when pointed at, reached by the keyboard, or touched.

const note = Object.assign(document.createElement("div"), { className: "mc-note", id: "mc-note", hidden: true });
note.role = "tooltip";
let shown = null;

function show(dot) {
  if (shown === dot) return;
  hide();
  shown = dot;
  const label = Object.assign(document.createElement("p"), { className: "mc-label", textContent: dot.dataset.label });
  const says = Object.assign(document.createElement("p"), { textContent: dot.dataset.says });
  const link = Object.assign(document.createElement("a"), { href: dot.href, textContent: "The claim and its evidence", tabIndex: -1 });
  note.className = `mc-note ${dot.className}`;
  note.replaceChildren(label, says, link);
  note.hidden = false;
  dot.setAttribute("aria-describedby", note.id);
  place(dot.getBoundingClientRect());
}

/** Below the dot, or above it where there is no room; never beyond the window. */
function place(dot) {
  const { width, height } = note.getBoundingClientRect();
  const left = Math.min(Math.max(dot.left + dot.width / 2 - width / 2, 8), document.documentElement.clientWidth - width - 8);
  const top = dot.bottom + height + 8 > innerHeight ? dot.top - height + 4 : dot.bottom - 4;
  note.style.left = `${left + scrollX}px`;
  note.style.top = `${top + scrollY}px`;
}

function hide() {
  shown?.removeAttribute("aria-describedby");
  shown = null;
  note.hidden = true;
}

const dots = document.querySelectorAll(".mc-says a");
if (dots.length) {
  document.body.append(note);
  for (const dot of dots) {
    const [label] = dot.getAttribute("aria-label").split(": ");
    Object.assign(dot.dataset, { label, says: dot.title });
    dot.removeAttribute("title"); // the browser would show it a second time
    let touched = false;
    dot.addEventListener("pointerenter", () => show(dot));
    dot.addEventListener("pointerdown", (event) => { touched = event.pointerType !== "mouse"; });
    dot.addEventListener("focus", () => show(dot));
    dot.addEventListener("click", (event) => {
      if (touched) event.preventDefault(); // the first touch is to read; the note has the link
      show(dot);
    });
  }
  const inside = (target) => target instanceof Element && target.closest(".mc-says a, .mc-note");
  document.addEventListener("pointerover", (event) => { if (!inside(event.target) && event.pointerType === "mouse") hide(); });
  document.addEventListener("pointerdown", (event) => { if (!inside(event.target)) hide(); });
  document.addEventListener("focusin", (event) => { if (!inside(event.target)) hide(); });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
}
