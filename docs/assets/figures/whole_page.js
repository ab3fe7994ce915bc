// The page of the whole model: a text to arrays, arrays to tables; what is touched says what made it.

import { argmax, softmax } from "./arithmetic.js";
import { html } from "../html.js";
import { agreement, shown } from "./shown.js";
import { lineOf } from "./whole_making.js";
import { drawnBy, encoded, everyArray, isByHead, makingOf, rowsFrom, sizesOf, unknownIn, wordsIn } from "./whole_model.js";

const SQUARE = ["attention.scores", "attention.weights"];
const OVER_WORDS = ["logits", "shares"];
const WIDE = window.matchMedia("(min-width: 60em)");
const STILL = window.matchMedia("(prefers-reduced-motion: reduce)");

function begin(place) {
  const data = JSON.parse(place.querySelector("script[type='application/json']").textContent);
  const steps = new Map(data.steps.map((step) => [step.name, step]));
  const figures = new Map([...place.querySelectorAll("[data-array]")].map((figure) => [figure.dataset.array, figure]));
  const field = place.querySelector("input[type=text]");
  const heat = place.querySelector("input[type=range]");
  const about = place.querySelector(".mc-about");
  const state = { text: wordsIn(field.value), arrays: null, chosen: null };

  const lastLogits = () => state.arrays.logits.at(-1);
  const nextShares = () => softmax(lastLogits(), heat.valueAsNumber);

  function say(words, wrong = false) {
    place.querySelector(".mc-whole-said").textContent = words;
    field.ariaInvalid = wrong ? "true" : null;
  }

  function take(text) {
    const unknown = unknownIn(text, data.words);
    const words = wordsIn(text);
    if (unknown !== undefined) return say(`The model does not know “${unknown}”. Its words: ${data.words.join(" ")}`, true);
    if (!words.length) return say(`Type at least one of its words: ${data.words.join(" ")}`, true);
    if (words.length > data.most) return say(`At most ${data.most} words fit on this page.`, true);
    say("");
    state.text = words;
    show();
  }

  function append(word) {
    if (state.text.length >= data.most) return say(`At most ${data.most} words fit on this page: remove some.`);
    field.value = [...state.text, word].join(" ");
    take(field.value);
    say(`“${word}” is appended.`);
  }

  const does = {
    likely: () => append(data.words[argmax(lastLogits())]),
    draw: () => append(data.words[drawnBy(nextShares(), Math.random())]),
    walk: () => walkTo(data.steps[0].name, "next"),
    back() {
      if (state.text.length < 2) return say("One word must stay.");
      field.value = state.text.slice(0, -1).join(" ");
      take(field.value);
    },
  };

  function show() {
    state.arrays = everyArray(encoded(state.text.join(" "), data.words), data.params);
    for (const [name, figure] of figures) {
      figure.querySelector(".mc-array-shape").textContent = sizesOf(state.arrays[name]).join(" × ");
      figure.querySelector(".mc-array-numbers").replaceChildren(...tablesOf(name, state, data.words));
    }
    showNext();
    if (state.chosen) choose(state.chosen.name, within(state.chosen));
  }

  /** A place that the text still has. */
  function within({ row, head, col }) {
    const last = state.text.length - 1;
    const square = SQUARE.includes(state.chosen.name);
    return { row: row === null ? null : Math.min(row, last), head, col: square ? Math.min(col, last) : col };
  }

  function showNext() {
    heat.nextElementSibling.value = heat.valueAsNumber.toFixed(1);
    const shares = nextShares();
    const best = argmax(shares);
    const items = shares.map((share, i) => {
      const button = html("button", { type: "button", "data-word": data.words[i], "aria-label": `append ${data.words[i]}, ${shown(100 * share, 1)} per cent` }, html("span", {}, data.words[i]), html("span", { class: "mc-bar" }), html("span", {}, `${shown(100 * share, 1)} %`));
      const item = html("li", i === best ? { class: "best" } : {}, button);
      item.style.setProperty("--share", share.toFixed(4));
      return item;
    });
    const cool = heat.valueAsNumber === 1 ? "" : ` at temperature ${heat.valueAsNumber.toFixed(1)}`;
    place.querySelector(".mc-next p").textContent = `After “${state.text.at(-1)}”${cool}. Touch a word to append it:`;
    place.querySelector(".mc-next ol").replaceChildren(...items);
  }

  function choose(name, { head = 0, row = null, col = 0 } = {}) {
    state.chosen = { name, head, row, col };
    for (const marked of place.querySelectorAll(".chosen, .source")) marked.classList.remove("chosen", "source");
    for (const [other, figure] of figures) figure.querySelector("button.mc-array-title").setAttribute("aria-pressed", String(other === name));
    const step = steps.get(name);
    mark(name, head, row === null ? null : [row], "chosen");
    for (const need of step.needs) mark(need, isByHead(state.arrays[name]) ? head : null, row === null ? null : rowsFrom(name, need, row), "source");
    if (row !== null) cellAt(name, head, row, col)?.classList.add("chosen");
    about.replaceChildren(...aboutOf(step, figures.get(name), state, data, figures));
    about.classList.add("open");
    place.querySelector(".mc-whole-heard").textContent = [".mc-about-title", ".mc-where", ".mc-making"].map((part) => about.querySelector(part)?.textContent ?? "").join(" ");
  }

  function mark(name, head, rows, kind) {
    const figure = figures.get(name);
    figure.classList.add(kind);
    if (rows === null) return;
    for (const [h, table] of [...figure.querySelectorAll("table")].entries()) {
      if (head !== null && isByHead(state.arrays[name]) && h !== head) continue;
      for (const row of rows) table.tBodies[0].rows[row].classList.add(kind);
    }
  }

  /** To another array with the same word; who walks on finds the button again. */
  function walkTo(name, way) {
    choose(name, { head: state.chosen?.head ?? 0, row: state.chosen?.row ?? state.text.length - 1 });
    figures.get(name).scrollIntoView({ block: "nearest", behavior: STILL.matches ? "auto" : "smooth" });
    if (way) (about.querySelector(`[data-way="${way}"]`) ?? about.querySelector("[data-way]")).focus({ preventScroll: true });
  }

  const cellAt = (name, head, row, col) => figures.get(name).querySelectorAll("table")[isByHead(state.arrays[name]) ? head : 0].tBodies[0].rows[row].cells[col + 1];

  /** The place of an element in the tables. */
  function placeOf(target) {
    const row = target.closest("tbody tr");
    const figure = target.closest("[data-array]");
    if (!row || !figure) return null;
    const cell = target.closest("td");
    const head = [...figure.querySelectorAll("table")].indexOf(row.closest("table"));
    return { head, row: row.sectionRowIndex, col: cell ? cell.cellIndex - 1 : 0 };
  }

  for (const [name, figure] of figures) {
    const title = figure.querySelector(".mc-array-title");
    title.replaceWith(html("button", { type: "button", class: "mc-array-title", "aria-pressed": "false" }, title.textContent));
    figure.addEventListener("click", ({ target }) => {
      const at = placeOf(target);
      if (at) choose(name, at);
      else if (target.closest("button, figcaption")) choose(name);
    });
    figure.addEventListener("focusin", ({ target }) => {
      if (!target.matches(":focus-visible") || !target.closest("button")) return;
      choose(name, placeOf(target) ?? {});
    });
    figure.addEventListener("keydown", (event) => moveBy(event, name));
  }

  /** On a row, the arrows go from number to number. */
  function moveBy(event, name) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = placeOf(event.target);
    if (!by || !at || state.chosen?.name !== name) return;
    const count = event.target.closest("tr").cells.length - 1;
    choose(name, { ...at, col: (state.chosen.col + by + count) % count });
    event.preventDefault();
  }

  place.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button?.dataset.do) does[button.dataset.do]();
    else if (button?.dataset.word) append(button.dataset.word);
    else if (button?.dataset.go) walkTo(button.dataset.go, button.dataset.way);
    else if (button?.classList.contains("mc-close")) about.classList.remove("open");
  });
  place.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  field.addEventListener("input", () => take(field.value));
  heat.addEventListener("input", showNext);
  place.querySelector("fieldset").disabled = false;
  place.classList.add("alive");
  show();
  place.querySelector("[data-agreement]").textContent = agreement(data.cases, ({ text }) => everyArray(encoded(text, data.words), data.params), "texts");
  if (WIDE.matches) choose("attention.weights", { head: 0, row: state.text.length - 1, col: 1 });
}

function tablesOf(name, { arrays, text }, words) {
  const array = arrays[name];
  if (name === "ids") return [tableOf(array.map((id) => [id]), text, [], 0, name)];
  if (!isByHead(array)) return [tableOf(array, text, OVER_WORDS.includes(name) ? words : [], 2, name)];
  return array.map((rows, h) => tableOf(rows, text, SQUARE.includes(name) ? text : [], 2, name, `head ${h + 1}`));
}

function tableOf(rows, text, columns, decimals, name, caption = "") {
  const table = html("table", { class: "mc-grid" });
  if (caption) table.createCaption().textContent = caption;
  if (columns.length) table.createTHead().insertRow().append(html("td"), ...columns.map((word) => html("th", { scope: "col" }, word)));
  const most = Math.max(...rows.flat().map(Math.abs).filter(Number.isFinite)) || 1;
  const body = table.createTBody();
  for (const [t, row] of rows.entries()) {
    const line = body.insertRow();
    line.append(html("th", { scope: "row" }, html("button", { type: "button" }, text[t])));
    for (const x of row) {
      const cell = line.insertCell();
      cell.textContent = shown(x, decimals);
      if (x === -Infinity) cell.className = "never";
      else if (x < 0) cell.className = "below";
      if (Number.isFinite(x)) cell.style.setProperty("--depth", name === "ids" ? 0 : (Math.abs(x) / most).toFixed(3));
    }
  }
  return table;
}

/** What is said of an array, of a row or of a number in it. */
function aboutOf(step, figure, state, data, figures) {
  const { name, head, row, col } = state.chosen;
  const said = figure.querySelector(".mc-array-says").cloneNode(true);
  return [
    html("button", { type: "button", class: "mc-close", "aria-label": "Close" }, "×"),
    html("p", { class: "mc-about-title" }, html("b", {}, step.title), ` ${step.sign}, ${sizesOf(state.arrays[name]).join(" × ")}`),
    ...(row === null ? [] : madeOf(step, { head, row, col }, state, data)),
    said,
    ...sourcesOf(step, figures),
    walkFrom(step, data.steps),
    ...step.weights.map((weight) => weightOf(weight, data, row === null ? {} : usedOf(step, state))),
  ];
}

/** One step back, one on. */
function walkFrom(step, steps) {
  const at = steps.indexOf(step);
  const to = (way, i, words) => (steps[i] ? [html("button", { type: "button", "data-go": steps[i].name, "data-way": way }, words)] : []);
  return html("p", { class: "mc-walk" }, ...to("last", at - 1, "← Back"), html("span", {}, `step ${at + 1} of ${steps.length}`), ...to("next", at + 1, "Next →"));
}

function madeOf(step, at, { arrays, text }, { params, words }) {
  const which = isByHead(arrays[step.name]) ? `head ${at.head + 1}, ` : "";
  const making = makingOf(step.name, at, arrays, params, step);
  return [
    html("p", { class: "mc-where" }, `${which}row “${text[at.row]}”, ${columnName(step.name, at.col, text, words)}:`),
    html("p", { class: "mc-making" }, ...raised(lineOf(making, words))),
  ];
}

/** e^3.54 with its exponent raised. */
const raised = (line) => line.split(/(e\^[^\s)]+)/u).map((part) => (part.startsWith("e^") ? html("span", {}, "e", html("sup", {}, part.slice(2))) : part));

function sourcesOf(step, figures) {
  if (!step.needs.length) return [];
  const named = (need) => [".mc-array-sign", ".mc-array-title"].map((part) => figures.get(need).querySelector(part).textContent).join(" ");
  return [html("p", { class: "mc-sources" }, "Made from ", ...step.needs.map((need) => html("button", { type: "button", "data-go": need }, named(need))))];
}

function columnName(name, col, text, words) {
  if (SQUARE.includes(name)) return `column “${text[col]}”`;
  return OVER_WORDS.includes(name) ? `column “${words[col]}”` : `column ${col + 1}`;
}

/** The row or the column of a parameter that a number was made with. */
function usedOf({ name, weights: [weight] }, { arrays, chosen: { head, row, col } }) {
  if (weight === "embedding") return { row: arrays.ids[row] };
  return { col: (isByHead(arrays[name]) ? head * arrays[name][0][0].length : 0) + col };
}

/** A learned parameter, open to be looked at. */
function weightOf(weight, { params, weights, words }, used) {
  const array = params[weight];
  const rows = Array.isArray(array[0]) ? array : [array];
  const table = html("table", { class: "mc-grid" }, html("caption", {}, `${weights[weight]}, ${sizesOf(array).join(" × ")}, learned`));
  const body = table.createTBody();
  for (const [i, row] of rows.entries()) {
    const line = body.insertRow();
    if (weight === "embedding") line.append(html("th", { scope: "row" }, words[i]));
    for (const [j, x] of row.entries()) {
      const cell = line.insertCell();
      cell.textContent = shown(x);
      if (i === used.row || j === used.col) cell.className = "used";
    }
  }
  return html("div", { class: "mc-weights", tabindex: 0, role: "group", "aria-label": weights[weight] }, table);
}

for (const place of document.querySelectorAll("[data-whole]")) begin(place);
