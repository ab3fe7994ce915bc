// The way through the course: which chapters were opened, which exercises solved. It stays in this browser.

import { forget, keep, recall } from "../cells/kept.js";

/** How far a reader is with a chapter: whether it was opened, how many of its exercises are solved. */
function progress(chapter, exercises) {
  const solved = exercises.filter((place) => recall(`exercise:${place}`)?.solved).length;
  return { opened: recall(`chapter:${chapter}`) === "opened", solved, all: exercises.length };
}

/** The same in words; nothing before the first visit. */
function said({ opened, solved, all }) {
  if (all > 0 && solved === all) return all === 1 ? "exercise solved" : `all ${all} exercises solved`;
  if (solved > 0) return `${solved} of ${all} exercises solved`;
  return opened ? "opened" : "";
}

function show(list) {
  let opened = 0, solved = 0, all = 0;
  for (const entry of list.querySelectorAll("[data-chapter]")) {
    const places = entry.dataset.exercises.split(" ").filter(Boolean);
    const far = progress(entry.dataset.chapter, places);
    opened += far.opened;
    solved += far.solved;
    all += far.all;
    entry.textContent = said(far);
    entry.closest("li").classList.toggle("mc-opened", far.opened);
  }
  const line = list.querySelector("[data-progress]");
  const count = list.querySelectorAll("[data-chapter]").length;
  line.hidden = opened === 0 && solved === 0;
  line.querySelector("output").textContent = `You opened ${opened} of ${count} chapters and solved ${solved} of ${all} exercises.`;
}

const here = document.querySelector('meta[name="mathcore:chapter"]')?.content;
if (here) keep(`chapter:${here}`, "opened");

const list = document.querySelector(".mc-contents");
if (list) {
  list.querySelector("[data-progress] button").addEventListener("click", () => {
    forget("chapter:", "exercise:");
    show(list);
  });
  addEventListener("pageshow", () => show(list));
}

for (const link of document.querySelectorAll(".md-sidebar--primary a.md-nav__link")) {
  const number = /^\s*(\d+) /.exec(link.textContent)?.[1];
  if (number && recall(`chapter:${number}`)) link.classList.add("mc-opened");
}
