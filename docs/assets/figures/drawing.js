// What the drawings share: shapes, bars, planes, and things to hold. A unit is a pixel, so letters keep their size.

import { percent } from "./shown.js";

const NAMESPACE = "http://www.w3.org/2000/svg";

export function make(tag, attributes = {}, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A drawing; the numbers beside it say the same in words, so it is hidden from screen readers. */
export function sheet(stage) {
  const drawing = make("svg", { "aria-hidden": "true" });
  stage.replaceChildren(drawing);
  return {
    drawing,
    width: () => Math.min(Math.max(Math.round(stage.clientWidth), 280), 640),
    paint(width, height, ...parts) {
      drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
      drawing.style.maxWidth = `${width}px`;
      drawing.replaceChildren(...parts.flat(Infinity));
    },
  };
}

export const WIDE = 460; // from this width on, two parts stand side by side

export const line = (x1, y1, x2, y2, kind) => make("line", { x1, y1, x2, y2, class: kind });
export const text = (x, y, words, kind = "") => make("text", { x, y, class: kind }, words);
export const box = (x, y, width, height, kind) => make("rect", { x, y, width: Math.max(width, 0), height: Math.max(height, 0), class: kind });
export const circle = (cx, cy, r, kind) => make("circle", { cx, cy, r, class: kind });
export const path = (points, kind) => make("path", { d: `M${points.map(([x, y]) => `${x.toFixed(2)} ${y.toFixed(2)}`).join("L")}`, class: kind });

/** Upright bars with a name below and a word above each. */
export function bars(shares, { left, top, width, height, kind, names = [], labels = percent, winner = -1 }) {
  const step = width / shares.length;
  const floor = top + height;
  return [
    line(left, floor, left + width, floor, "base"),
    ...shares.map((share, i) => {
      const x = left + i * step;
      return [
        box(x + step * 0.12, floor - height * share, step * 0.76, height * share, i === winner ? `${kind} other` : kind),
        text(x + step / 2, floor - height * share - 5, labels(share, i)),
        text(x + step / 2, floor + 16, names[i] ?? "", "axis"),
      ];
    }),
  ];
}

/** A grid of shades: blue above zero, red below. */
export function grid(rows, { left, top, size }) {
  return [
    ...rows.flatMap((row, r) =>
      row.map((x, c) => {
        const cell = box(left + c * size, top + r * size, size, size, x < 0 ? "cell below" : "cell");
        cell.setAttribute("fill-opacity", Math.min(Math.abs(x), 1).toFixed(2));
        return cell;
      }),
    ),
    box(left, top, rows[0].length * size, rows.length * size, "frame"),
  ];
}

/** A part of the plane: from numbers to places, and back. */
export function plane({ left, top, width, height, x: [x0, x1], y: [y0, y1] }) {
  const x = (v) => left + ((v - x0) / (x1 - x0)) * width;
  const y = (v) => top + height - ((v - y0) / (y1 - y0)) * height;
  return {
    x,
    y,
    low: [x0, y0],
    high: [x1, y1],
    at: ([a, b]) => [x(a), y(b)],
    back: ([px, py]) => [x0 + ((px - left) / width) * (x1 - x0), y0 + ((top + height - py) / height) * (y1 - y0)],
    frame: [
      box(left, top, width, height, "frame"),
      y0 < 0 && y1 > 0 ? line(left, y(0), left + width, y(0), "base") : [],
      x0 < 0 && x1 > 0 ? line(x(0), top, x(0), top + height, "base") : [],
    ],
  };
}

export function arrow([x1, y1], [x2, y2], kind) {
  const far = Math.hypot(x2 - x1, y2 - y1);
  if (far < 1) return [circle(x2, y2, 3, `dot ${kind}`)];
  const [ux, uy] = [(x2 - x1) / far, (y2 - y1) / far];
  const size = Math.min(10, far);
  const foot = [x2 - size * ux, y2 - size * uy];
  const wing = (side) => [foot[0] - side * size * 0.42 * uy, foot[1] + side * size * 0.42 * ux];
  return [line(x1, y1, ...foot, `shaft ${kind}`), path([[x2, y2], wing(1), wing(-1), [x2, y2]], `tip ${kind}`)];
}

/** A name beside the end of an arrow from a centre, so far from it. */
export function tag([x1, y1], [x2, y2], words, kind = "", gap = 9) {
  const far = Math.hypot(x2 - x1, y2 - y1) || 1;
  const side = x2 < x1 - 8 ? "end" : x2 > x1 + 8 ? "start" : "";
  return text(x2 + (gap * (x2 - x1)) / far, y2 + ((gap + 2) * (y2 - y1)) / far + 4, words, `${side} ${kind}`);
}

/** Letters on a ground of their own, so that nothing runs through them. */
export function plated(x, y, words) {
  const wide = 8 * words.length + 6;
  return [box(x - wide / 2, y - 13, wide, 17, "plate"), text(x, y, words, "strong")];
}

/** Something to hold, with room for a finger. */
export function grip([x, y], name) {
  const hit = circle(x, y, 20, "hit");
  hit.dataset.hold = name;
  return [circle(x, y, 7, "grip"), hit];
}

/** A finger on what can be held does not scroll the page; CSS alone does not reach into a drawing everywhere. */
export function steady(drawing) {
  const stay = (event) => event.target.dataset.hold !== undefined && event.preventDefault();
  drawing.addEventListener("touchstart", stay, { passive: false });
}

/** Calls `move` with the name of what is held and where it is now. */
export function hold(drawing, move) {
  let held = null;
  steady(drawing);
  drawing.addEventListener("pointerdown", (event) => {
    held = event.target.dataset.hold ?? null;
    if (held === null) return;
    drawing.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  drawing.addEventListener("pointermove", (event) => {
    if (held !== null) move(held, place(drawing, event));
  });
  for (const end of ["pointerup", "pointercancel"]) drawing.addEventListener(end, () => (held = null));
}

/** Calls `chosen` with what was touched of the things marked `data-pick`. */
export function touch(drawing, chosen) {
  drawing.addEventListener("click", ({ target }) => {
    const picked = target.closest("[data-pick]");
    if (picked) chosen(picked.dataset.pick);
  });
}

export function pickable(name, ...parts) {
  const group = make("g", { class: "pick" }, ...parts.flat(Infinity));
  group.dataset.pick = name;
  return group;
}

/** Where a pointer is, in the units of the drawing. */
export function place(drawing, event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(drawing.getScreenCTM().inverse());
  return [point.x, point.y];
}

/** A number between two others, in whole steps. */
export const within = (v, low, high, step) => Number((Math.round(Math.min(Math.max(v, low), high) / step) * step).toFixed(6));
