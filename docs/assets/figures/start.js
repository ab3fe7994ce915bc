// Brings the figures of a page to life: controls to state, state to numbers, numbers to the table and the drawing.

import { layerDrawings } from "./drawings_layers.js";
import { sequenceDrawings } from "./drawings_sequence.js";
import { wordDrawings } from "./drawings_words.js";
import { html } from "../html.js";
import { layerFigures, pushed } from "./numerics_layers.js";
import { sequenceFigures } from "./numerics_sequence.js";
import { wordFigures } from "./numerics_words.js";
import { agreement, shown } from "./shown.js";

const compute = { ...wordFigures, ...layerFigures, ...sequenceFigures };
const drawings = { ...wordDrawings, ...layerDrawings, ...sequenceDrawings };

/** Which knot a change moves; the first if it is none. */
const knotOf = (changes) => Number(/^knot(\d)$/u.exec(Object.keys(changes)[0])?.[1] ?? 1) - 1;

/** What else must change with a control. */
const settle = { relu: (state, changes) => pushed(state, knotOf(changes)) };

for (const figure of document.querySelectorAll("[data-live]")) {
  const name = figure.dataset.live;
  start(figure, compute[name], drawings[name], settle[name] ?? (() => ({})));
}

function start(figure, compute, mount, settle) {
  const { readouts, presets, when, data, cases } = JSON.parse(figure.querySelector("script").textContent);
  const state = { ...cases[0].state };
  const cells = figure.querySelectorAll(".mc-values td");
  const stage = figure.querySelector(".mc-stage");
  const said = figure.querySelector(".mc-said");
  const draw = mount(stage, { data, state, set, figure });
  const inputs = (name) => figure.querySelectorAll(`[name="${name}"]`);

  function set(changes) {
    Object.assign(state, changes);
    const all = { ...changes, ...settle(state, changes) };
    Object.assign(state, all);
    for (const [name, value] of Object.entries(all)) for (const input of inputs(name)) write(input, value);
    show();
  }

  function show() {
    const values = compute(state, data);
    for (const [i, readout] of readouts.entries()) {
      cells[i].textContent = shown(values[readout.key][readout.index], readout.decimals) + readout.unit;
    }
    for (const [name, other, least] of when) inputs(name)[0].closest(".mc-control").hidden = state[other] < least;
    said.textContent = draw(values) ?? "";
  }

  figure.addEventListener("input", ({ target }) => {
    if (!target.name) return;
    const usable = target.validity.valid && (target.type === "text" || target.value !== "");
    complain(target, usable);
    if (usable) set({ [target.name]: read(target) });
  });
  figure.addEventListener("click", ({ target }) => {
    if (target.dataset.preset === undefined) return;
    const preset = presets[target.dataset.preset];
    const moved = Object.entries(preset.add).map(([name, step]) => [name, limited(inputs(name)[0], state[name] + step)]);
    set({ ...preset.set, ...Object.fromEntries(moved) });
  });
  figure.querySelector("fieldset").disabled = false;
  set({ ...state });
  said.setAttribute("aria-live", "polite"); // from now on: what a reader changes is told
  let width = stage.clientWidth;
  new ResizeObserver(() => {
    if (stage.clientWidth !== width) show();
    width = stage.clientWidth;
  }).observe(stage);
  figure.querySelector("[data-agreement]").textContent = agreement(cases, ({ state }) => compute(state, data), "places");
}

const limited = (input, value) => Math.min(Math.max(value, Number(input.min)), Number(input.max));

function read(input) {
  if (input.type === "checkbox") return input.checked;
  return ["range", "number"].includes(input.type) ? input.valueAsNumber : input.value;
}

/** Shows a value in an input; one that is being typed into stays as it is. */
function write(input, value) {
  if (input.type === "checkbox") input.checked = value;
  else if (input.type === "radio") input.checked = input.value === value;
  else if (input !== document.activeElement || input.type === "range") {
    input.value = value;
    complain(input, true);
  }
}

/** Says what a control takes, below it, when it was given something else. */
function complain(input, usable) {
  input.ariaInvalid = usable ? null : "true"; // an empty attribute would say that it is valid
  if (input.type !== "number") return;
  const control = input.closest(".mc-control");
  control.querySelector(".mc-problem")?.remove();
  if (usable) return;
  const says = `${control.querySelector("label").textContent}: a number from ${signed(input.min)} to ${signed(input.max)}, in steps of ${input.step}.`;
  control.append(html("p", { class: "mc-problem", role: "alert" }, says));
}

const signed = (number) => number.replace("-", "−");
