// Brings the figures of a page to life: controls to state, state to numbers, numbers to the table and the drawing.

import { drawings } from "./drawings.js";
import { compute } from "./numerics.js";

for (const figure of document.querySelectorAll("[data-live]")) {
  start(figure, compute[figure.dataset.live], drawings[figure.dataset.live]);
}

/** A number as the page shows it. */
function shown(value, decimals) {
  return value.toFixed(decimals).replace("-", "−");
}

function start(figure, compute, mount) {
  const { readouts, data, cases } = JSON.parse(figure.querySelector("script").textContent);
  const state = { ...cases[0].state };
  const cells = figure.querySelectorAll(".mc-values td");
  const draw = mount(figure.querySelector(".mc-stage"), { data, state, set, figure });

  function set(changes) {
    Object.assign(state, changes);
    for (const name of Object.keys(changes)) {
      for (const input of figure.querySelectorAll(`input[name="${name}"]`)) if (input !== document.activeElement) input.value = changes[name];
    }
    show();
  }

  function show() {
    const values = compute(state, data);
    for (const [i, readout] of readouts.entries()) {
      cells[i].textContent = shown(values[readout.key][readout.index], readout.decimals) + readout.unit;
    }
    draw(values);
  }

  figure.addEventListener("input", ({ target }) => {
    if (!target.name) return;
    const usable = target.validity.valid && (target.type === "text" || target.value !== "");
    target.toggleAttribute("aria-invalid", !usable);
    if (usable) set({ [target.name]: read(target) });
  });
  figure.querySelector("fieldset").disabled = false;
  show();
  figure.querySelector("[data-agreement]").textContent = agreement(cases, (at) => compute(at, data));
}

function read(input) {
  if (input.type === "checkbox") return input.checked;
  return input.type === "text" ? input.value : input.valueAsNumber;
}

/** How far this page is from the numbers that the library gave to it. */
function agreement(cases, compute) {
  let most = 0;
  for (const { state, values } of cases) {
    const here = compute(state);
    for (const [name, list] of Object.entries(values)) {
      for (const [i, value] of list.entries()) most = Math.max(most, Math.abs(here[name][i] - value) / Math.max(1, Math.abs(value)));
    }
  }
  const difference = most === 0 ? "none" : most.toExponential(1).replace("e-", " × 10^−");
  return `Computed on this page. Largest difference from the library at ${cases.length} places: ${raised(difference)}.`;
}

function raised(text) {
  return text.replace(/\^(−\d+)/u, (_, power) => [...power].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["−0123456789".indexOf(c)]).join(""));
}
