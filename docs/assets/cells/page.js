// Brings the cells of a page to life: the code becomes an editor, and Python starts when it is first asked.

import { html } from "../html.js";
import { edit } from "./editor.js";
import { keep, recall } from "./kept.js";
import { ask, LIMIT, NoAnswer, start, stop } from "./python.js";

let busy = null; // the cell that Python works for

for (const cell of document.querySelectorAll(".mc-cell[data-python]")) enliven(cell);

function enliven(cell) {
  const data = JSON.parse(cell.querySelector("script").textContent);
  const name = `cell:${cell.dataset.cell}`;
  const parts = build(cell, data);
  const untouched = () => parts.area.value === data.start.trimEnd();
  const changed = () => {
    keep(name, untouched() ? null : parts.area.value);
    clear(parts);
  };
  const code = edit(parts.area, parts.behind, changed);
  const load = (text) => {
    code.set(text);
    changed();
    parts.printed.replaceChildren();
  };
  code.set(recall(name) ?? data.start);
  if (!untouched()) parts.printed.replaceChildren();
  if (!untouched() || cell.dataset.judged === "solution") clear(parts);
  parts.from.addEventListener("change", () => {
    load(parts.from.value === "" ? data.start : data.broken[parts.from.value].code);
  });
  parts.reset.addEventListener("click", () => {
    parts.from.value = "";
    load(data.start);
    parts.area.focus();
  });
  parts.run.addEventListener("click", () => work(parts, () => run(parts)));
  parts.check.addEventListener("click", () => work(parts, () => check(parts, data.checks)));
  parts.stop.addEventListener("click", () => stop());
  parts.area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) parts.check.click();
  });
}

/** One cell at a time: starts Python, does the job, says what became of it. */
async function work(parts, job) {
  if (busy) {
    if (busy !== parts) parts.say("Python is at work for another cell: stop that one, or wait.");
    return;
  }
  busy = parts;
  parts.cell.setAttribute("aria-busy", "true");
  parts.stop.hidden = false;
  try {
    await start(parts.say);
    await job();
  } catch (problem) {
    parts.say(problem.message);
    if (!(problem instanceof NoAnswer)) throw problem;
  } finally {
    busy = null;
    parts.cell.removeAttribute("aria-busy");
    if (document.activeElement === parts.stop) parts.check.focus();
    parts.stop.hidden = true;
  }
}

async function run(parts) {
  parts.say("Running …");
  const { printed, error } = await ask({ code: parts.area.value });
  show(parts.printed, printed, error);
  parts.say(error ? "Your code ended with an error." : printed ? "Done." : "Done. It printed nothing.");
  return !error;
}

async function check(parts, checks) {
  clear(parts);
  const code = parts.area.value;
  if (!(await run(parts))) return;
  let passed = 0;
  for (const [i, one] of checks.entries()) {
    parts.say(`Checking ${i + 1} of ${checks.length} …`);
    judged(parts.checks[i], "checking", "checking …");
    try {
      const verdict = await ask({ code, check: one });
      if (parts.area.value !== code) return clear(parts); // changed meanwhile: the verdict is of other code
      tell(parts.checks[i], verdict);
      passed += verdict.outcome === "passed";
    } catch (problem) {
      judged(parts.checks[i], "stopped", "stopped");
      throw problem;
    }
  }
  const whole = passed === checks.length;
  parts.say(whole ? "Every check passed." : `${checks.length - passed} of ${checks.length} checks failed.`);
  parts.cell.dispatchEvent(new CustomEvent("mc-checked", { bubbles: true, detail: { passed: whole } }));
}

/** A verdict at its check: how often it passed, or the input that refutes it, and both sides. */
function tell(check, { outcome, tried, inputs, left, right, message }) {
  if (outcome === "passed") {
    judged(check, outcome, `passed ${tried} ${tried === 1 ? "time" : "times"}`);
    return;
  }
  judged(check, outcome, outcome === "refuted" ? "refuted, on an input that was shrunk:" : "stopped by an error:");
  const lines = Object.entries(inputs).map(([name, value]) => `${name} = ${value}`);
  const sides = message ? [message] : [`left side:  ${left}`, `right side: ${right}`];
  const box = html("div", { class: "language-text highlight" });
  show(box, [...lines, ...(lines.length ? [""] : []), ...sides].join("\n"));
  check.append(box);
}

function judged(check, outcome, text) {
  check.querySelector(".highlight")?.remove();
  check.dataset.outcome = outcome;
  check.querySelector(".mc-cell-passed").textContent = text;
}

/** Takes the verdicts back: they are about other code. */
function clear(parts) {
  for (const check of parts.checks) judged(check, "", "not checked yet");
  parts.say("");
}

/** Text as a block, and an error below it. */
function show(place, text, error = "") {
  place.replaceChildren();
  for (const [words, style] of [
    [text, ""],
    [error, "mc-cell-error"],
  ]) {
    if (!words) continue;
    place.append(html("pre", style ? { class: style } : {}, html("code", {}, words.replace(/\n$/, ""))));
  }
}

function build(cell, data) {
  const keys = html("p", { class: "mc-cell-keys", id: `${cell.id}-keys` }, `Tab indents. Escape, then Tab, leaves the editor. Ctrl and Enter checks. Code may take ${LIMIT} seconds.`);
  const area = html("textarea", {
    "aria-label": `Code: ${cell.querySelector(".mc-cell-title").textContent}`,
    "aria-describedby": keys.id,
    spellcheck: "false",
    autocapitalize: "off",
    autocomplete: "off",
  });
  const behind = html("pre", { "aria-hidden": "true" });
  const editor = html("div", { class: "mc-cell-editor highlight" }, behind, area);
  const [run, check, stop, reset] = ["Run", "Check", "Stop", "Reset"].map((word) => html("button", { type: "button" }, word));
  check.classList.add("first");
  stop.hidden = true;
  const from = html("select", {}, new Option("the code of this page", ""), ...data.broken.map(({ says }, i) => new Option(says, i)));
  const label = html("label", { class: "mc-cell-from" }, "Start from", from);
  const said = html("span", { class: "mc-cell-said", role: "status" });
  const buttons = html("div", { class: "mc-cell-buttons" }, run, check, stop, reset, said);
  cell.querySelector(".mc-cell-code").replaceChildren(...(data.broken.length ? [label] : []), editor, buttons, keys);
  cell.querySelector(".mc-cell-why").remove();
  cell.querySelector(".mc-cell-label").textContent = "Checks";
  const printed = cell.querySelector(".mc-cell-printed");
  printed.classList.add("language-text");
  return {
    cell,
    area,
    behind,
    from,
    run,
    check,
    stop,
    reset,
    printed,
    checks: [...cell.querySelectorAll(".mc-cell-label + ul > li")],
    say: (words) => (said.textContent = words),
  };
}
