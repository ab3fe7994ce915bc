// Exercises: what a reader enters is graded here, without Python; hints unfold one after the other, then the answer.

import { html } from "../html.js";
import { keep, recall } from "./kept.js";

/** A number as people write it: 0.73, 0,73, 73 %, 3/4, −2; NaN if it is none. */
export function read(text) {
  const plain = text.replace(/\s/g, "").replace(/[−–]/g, "-").replace(",", ".");
  const match = plain.match(/^([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?:\/(\d+\.?\d*|\.\d+))?(%?)$/i);
  return match ? Number(match[1]) / Number(match[2] ?? 1) / (match[3] ? 100 : 1) : NaN;
}

/** What to say of a number that was entered; nothing if it is right. */
export function fault(text, right, within) {
  const got = read(text);
  const off = (value) => Math.abs(value - right) - within * (1 + 1e-9); // rounding spoils no answer at the very edge
  if (text.trim() === "") return "is still empty";
  if (!Number.isFinite(got)) return "is no number: write 0.73 or 3/4";
  if (off(got) <= 0) return "";
  if (right !== 0 && off(-got) <= 0) return "has the right size and the wrong sign";
  if (Math.abs(right) > within && (off(100 * got) <= 0 || off(got / 100) <= 0)) return "is off by a factor of 100: a share or per cent?";
  if (off(got) <= 9 * within) return "is close; keep one more digit on the way"; // within ten times what is allowed
  return "is not it yet";
}

/** What to say of all fields of an exercise, and whether they are right. */
function graded(exercise, fields, names) {
  const right = JSON.parse(exercise.dataset.answer);
  if (exercise.dataset.kind === "choice") {
    const chosen = fields.findIndex((field) => field.checked);
    if (chosen < 0) return ["Choose one first.", false];
    return chosen === right ? ["Right.", true] : ["Not that one.", false];
  }
  const faults = fields.map((field, i) => fault(field.value, right[i], Number(exercise.dataset.within)));
  for (const [i, field] of fields.entries()) field.ariaInvalid = faults[i] === "" ? null : "true";
  if (faults.every((words) => words === "")) return ["Right.", true];
  if (fields.length === 1) return [`That ${faults[0]}.`, false];
  return [`${faults.map((words, i) => `${names[i]} ${words || "is right"}`).join("; ")}.`, false];
}

function start(exercise) {
  const name = `exercise:${exercise.dataset.exercise}`;
  const state = { entered: [], solved: false, opened: 0, ...recall(name) };
  const fields = [...exercise.querySelectorAll(".mc-fields input")];
  const names = [...exercise.querySelectorAll(".mc-number > span")].map((span) => span.textContent);
  const folds = [...exercise.querySelectorAll(":scope > details")]; // the hints, then the answer
  const title = exercise.querySelector(".mc-exercise-title");
  const done = title.appendChild(html("span", { class: "mc-done" }));

  function show() {
    done.textContent = state.solved ? " solved" : "";
    for (const [i, fold] of folds.entries()) fold.hidden = !state.solved && i > state.opened;
  }

  function change(changes) {
    Object.assign(state, changes);
    keep(name, state);
    show();
  }

  for (const [i, fold] of folds.entries()) {
    fold.addEventListener("toggle", () => {
      if (fold.open && i >= state.opened && i < folds.length - 1) change({ opened: i + 1 });
    });
  }
  if (exercise.dataset.kind === "write") {
    document.addEventListener("mc-checked", ({ target, detail }) => {
      if (target.dataset.cell === exercise.dataset.of && detail.passed) change({ solved: true });
    });
  } else {
    grade(exercise, fields, names, state, change);
  }
  show();
}

function grade(exercise, fields, names, state, change) {
  for (const [i, field] of fields.entries()) {
    if (field.type === "radio") field.checked = state.entered[i] ?? false;
    else field.value = state.entered[i] ?? "";
    field.addEventListener("input", () => {
      field.ariaInvalid = null;
      said.textContent = "";
    });
    field.addEventListener("keydown", (event) => event.key === "Enter" && check.click());
  }
  const check = html("button", { type: "button", class: "first" }, "Check");
  const said = html("span", { class: "mc-cell-said", role: "status" });
  exercise.querySelector(".mc-fields").after(html("div", { class: "mc-cell-buttons" }, check, said));
  check.addEventListener("click", () => {
    const [words, right] = graded(exercise, fields, names);
    said.textContent = words;
    said.dataset.outcome = right ? "passed" : "";
    const entered = fields.map((field) => (field.type === "radio" ? field.checked : field.value));
    change({ entered, solved: state.solved || right });
  });
}

for (const exercise of document.querySelectorAll(".mc-exercise")) start(exercise);
