// How the figures are drawn. Each entry takes the place to draw in and the figure, and returns a function of the numbers.

import { WAVE, brokenLine, knotsOf, pixelsOf, shadesOf, thinPicture, wordsOf } from "./numerics.js";

const NAMESPACE = "http://www.w3.org/2000/svg";

function make(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** An empty drawing of a size; the numbers beside it say the same in words, so it is hidden from screen readers. */
function board(stage, width, height) {
  const drawing = make("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
  stage.replaceChildren(drawing);
  return drawing;
}

const line = (x1, y1, x2, y2, kind) => make("line", { x1, y1, x2, y2, class: kind });
const text = (x, y, words, kind = "") => make("text", { x, y, class: kind }, words);
const box = (x, y, width, height, kind) => make("rect", { x, y, width, height: Math.max(height, 0), class: kind });
const path = (points, kind) => make("path", { d: `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}`, class: kind });
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function bars(drawing, shares, { left, top, width, height, kind, labels }) {
  const step = width / shares.length;
  drawing.append(line(left, top + height, left + width, top + height, "base"));
  for (const [i, share] of shares.entries()) {
    const x = left + i * step;
    drawing.append(box(x + step * 0.12, top + height - height * share, step * 0.76, height * share, kind));
    drawing.append(text(x + step / 2, top + height - height * share - 5, labels(share)));
  }
}

/** A grid of shades: blue above zero, red below. */
function grid(drawing, rows, { left, top, size }) {
  for (const [r, row] of rows.entries()) {
    for (const [c, x] of row.entries()) {
      const cell = box(left + c * size, top + r * size, size, size, x < 0 ? "cell below" : "cell");
      cell.setAttribute("fill-opacity", Math.min(Math.abs(x), 1).toFixed(2));
      drawing.append(cell);
    }
  }
  drawing.append(box(left, top, rows[0].length * size, rows.length * size, "frame"));
}

/** Where a pointer is, in the units of the drawing. */
function place(drawing, event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
  return [point.x, point.y];
}

export const drawings = {
  softmax(stage) {
    const drawing = board(stage, 480, 190);
    return ({ shares }) => {
      drawing.replaceChildren();
      bars(drawing, shares, { left: 10, top: 22, width: 460, height: 150, kind: "bar", labels: percent });
    };
  },

  rope(stage, { state }) {
    const drawing = board(stage, 480, 138);
    return ({ query, key, between }) => {
      drawing.replaceChildren();
      for (const [i, turn] of between.entries()) {
        const [x, y, r] = [60 + 120 * i, 58, 50];
        const hand = (angle, kind) => line(x, y, x + r * Math.cos(angle), y - r * Math.sin(angle), kind);
        const dial = make("g", { class: i < state.pairs ? "" : "aside" });
        dial.append(make("circle", { cx: x, cy: y, r, class: "rim" }), hand(query[i], "hand"), hand(key[i], "hand other"));
        dial.append(text(x, 130, `${turn.toFixed(1).replace("-", "−")}°`));
        drawing.append(dial);
      }
    };
  },

  attention_scale(stage) {
    const drawing = board(stage, 480, 200);
    return ({ scaled, bare }) => {
      drawing.replaceChildren();
      const label = (share) => (100 * share).toFixed(0);
      bars(drawing, scaled, { left: 4, top: 34, width: 226, height: 140, kind: "bar", labels: label });
      bars(drawing, bare, { left: 250, top: 34, width: 226, height: 140, kind: "bar other", labels: label });
      drawing.append(text(117, 193, "divided by √d, in per cent", "axis"), text(363, 193, "not divided", "axis"));
    };
  },

  attention(stage, { state }) {
    return ({ weights }) => {
      const words = wordsOf(state.words);
      const table = document.createElement("table");
      table.className = "mc-matrix";
      const head = table.createTHead().insertRow();
      head.insertCell();
      for (const word of words) head.append(heading(word, "col"));
      const body = table.createTBody();
      for (const [i, word] of words.entries()) {
        const row = body.insertRow();
        row.append(heading(word, "row"));
        for (const share of weights.slice(i * words.length, (i + 1) * words.length)) {
          const cell = row.insertCell();
          cell.style.setProperty("--share", share.toFixed(3));
          cell.textContent = (100 * share).toFixed(1);
        }
      }
      stage.replaceChildren(table);
    };
  },

  relu(stage, { state, set }) {
    const drawing = board(stage, 480, 190);
    const [x, y] = [(v) => 12 + (v / 6.3) * 456, (v) => 95 - 82 * v];
    let held = null;
    const names = ["knot1", "knot2", "knot3", "knot4"];
    drawing.addEventListener("pointerdown", (event) => {
      const at = ((place(drawing, event)[0] - 12) / 456) * 6.3;
      held = names.reduce((best, name) => (Math.abs(state[name] - at) < Math.abs(state[best] - at) ? name : best));
      drawing.setPointerCapture(event.pointerId);
    });
    drawing.addEventListener("pointermove", (event) => {
      if (!held) return;
      const at = ((place(drawing, event)[0] - 12) / 456) * 6.3;
      set({ [held]: Math.round(10 * Math.min(Math.max(at, 0.1), 6.2)) / 10 });
    });
    for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => (held = null));
    return () => {
      const knots = knotsOf(state);
      const net = brokenLine(knots, knots.map(Math.sin));
      drawing.replaceChildren(
        line(12, y(0), 468, y(0), "base"),
        path(WAVE.map((v) => [x(v), y(Math.sin(v))]), "curve aside"),
        path(knots.map((v) => [x(v), y(net(v))]), "curve"),
        ...names.map((name) => make("circle", { cx: x(state[name]), cy: y(Math.sin(state[name])), r: 7, class: "grip" })),
      );
    };
  },

  heads(stage) {
    const drawing = board(stage, 480, 250);
    const [x, y] = [(v) => 140 + 200 * v, (v) => 222 - 200 * v];
    return ({ one, two }) => {
      const spot = ([a, b], kind) => make("circle", { cx: x(a), cy: y(b), r: 7, class: kind });
      drawing.replaceChildren(
        box(x(0), y(1), 200, 200, "frame"),
        line(x(1), y(0), x(0), y(1), "curve"),
        make("circle", { cx: x(1), cy: y(1), r: 11, class: "rim" }),
        spot(one, "spot"),
        spot(two, "spot other"),
        text(x(0.5), y(0) + 20, "red", "axis"),
        text(x(0) - 18, y(0.5), "car", "axis"),
        text(x(1) + 20, y(1) + 5, "both", "axis start"),
      );
    };
  },

  rank(stage, { data, state }) {
    const drawing = board(stage, 480, 160);
    return () => {
      drawing.replaceChildren();
      grid(drawing, thinPicture(state.rank, data), { left: 0, top: 0, size: 10 });
    };
  },

  digit(stage, { data, state, set, figure }) {
    const drawing = board(stage, 480, 256);
    drawing.removeAttribute("aria-hidden");
    for (const [name, value] of Object.entries({ tabindex: 0, role: "application" })) drawing.setAttribute(name, value);
    drawing.setAttribute("aria-label", "Paper of 16 by 16 pixels. Arrow keys move the pen, space draws, delete clears.");
    let pen = 7 * 16 + 7;
    let last = null;

    const inked = (pixels, column, row) =>
      pixels.map((ink, i) => {
        const away = Math.hypot((i & 15) + 0.5 - column, (i >> 4) + 0.5 - row);
        return Math.max(ink, Math.round(16 * Math.min(Math.max(1.9 - away, 0), 1)) / 16);
      });
    const stroke = (dots) => set({ pixels: shadesOf(dots.reduce((pixels, at) => inked(pixels, ...at), pixelsOf(state.pixels))) });
    const clear = () => set({ pixels: "0".repeat(256) });

    function drag(event) {
      const now = place(drawing, event).map((v) => v / 16);
      if (now.some((v) => v < 0 || v >= 16)) return;
      const from = last ?? now;
      const steps = Math.ceil(2 * Math.hypot(now[0] - from[0], now[1] - from[1])) || 1;
      stroke([...Array(steps).keys()].map((k) => now.map((v, i) => from[i] + ((k + 1) / steps) * (v - from[i]))));
      last = now;
    }
    drawing.addEventListener("pointerdown", (event) => {
      drawing.setPointerCapture(event.pointerId);
      last = null;
      drag(event);
      event.preventDefault();
    });
    drawing.addEventListener("pointermove", (event) => event.buttons && drag(event));
    drawing.addEventListener("keydown", (event) => {
      const [row, column] = [pen >> 4, pen & 15];
      const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
      const edge = (v) => Math.min(Math.max(v, 0), 15);
      if (moves[event.key]) pen = 16 * edge(row + moves[event.key][0]) + edge(column + moves[event.key][1]);
      else if (event.key === " ") stroke([[column + 0.5, row + 0.5]]);
      else if (event.key === "Delete" || event.key === "Backspace") clear();
      else return;
      event.preventDefault();
      set({});
    });
    figure.addEventListener("click", ({ target }) => {
      if (target.dataset.sample === undefined) return;
      if (target.dataset.sample) set({ pixels: data.samples[Number(target.dataset.sample)] });
      else clear();
    });

    const templates = make("g");
    for (const [i, template] of data.templates.entries()) {
      const rows = [...Array(8).keys()].map((r) => template.slice(8 * r, 8 * r + 8));
      grid(templates, rows, { left: 298, top: 25.6 * i + 2, size: 2.7 });
    }

    return ({ scores, digit: [winner] }) => {
      const pixels = pixelsOf(state.pixels);
      drawing.replaceChildren(templates);
      grid(drawing, [...Array(16).keys()].map((r) => pixels.slice(16 * r, 16 * r + 16)), { left: 0, top: 0, size: 16 });
      drawing.append(box(16 * (pen & 15), 16 * (pen >> 4), 16, 16, "pen"));
      const [least, most] = [Math.min(...scores), Math.max(...scores)];
      for (const [i, score] of scores.entries()) {
        const length = 2 + (146 * (score - least)) / (most - least || 1);
        drawing.append(text(286, 25.6 * i + 18, String(i), i === winner ? "winner" : "axis"));
        drawing.append(box(328, 25.6 * i + 6, length, 14, i === winner ? "bar other" : "bar"));
      }
    };
  },
};

function heading(word, scope) {
  const cell = document.createElement("th");
  cell.scope = scope;
  cell.textContent = word;
  return cell;
}
