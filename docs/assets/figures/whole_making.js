// How a number was made, in words and digits: the sum that a reader can do again with a pencil.

import { bracketed, shown } from "./shown.js";
import { valueOf } from "./whole_model.js";

const inBrackets = (x) => bracketed(shown(x));
const EXACT = ["place", "picked", "hidden"]; // the others are shown with two decimals, and so only nearly the sum
const FEW = 5; // so many words are named in a sum of exponentials

/** The line below an array that was chosen: "0.73 ≈ 0.04 ÷ 0.07 · 1.12". */
export function lineOf(making, words) {
  const result = shown(valueOf(making), making.kind === "place" ? 0 : 2);
  return `${result} ${EXACT.includes(making.kind) ? "=" : "≈"} ${sideOf(making, words)}`;
}

function sideOf(making, words) {
  switch (making.kind) {
    case "place":
      return `place of “${words[making.value]}” in the list`;
    case "picked":
      return `row ${making.row} of E, column ${making.col + 1}`;
    case "norm":
      return `${shown(making.x)} ÷ ${shown(making.size)} · ${shown(making.weight)}`;
    case "sum":
      return `${shown(making.parts[0])} + ${inBrackets(making.parts[1])}`;
    case "turn":
      return turn(making);
    case "bend":
      return making.x > 0 ? `${shown(making.x)}, since it is above 0` : `0, since ${shown(making.x)} is not above 0`;
    case "share":
      return share(making);
    case "hidden":
      return "this word comes later: it may not be looked at";
    default:
      return products(making);
  }
}

function products({ factors, over }) {
  const sum = factors.map(([a, b], i) => `${i ? inBrackets(a) : shown(a)} · ${inBrackets(b)}`).join(" + ");
  return over === 1 ? sum : `(${sum}) ÷ √2`;
}

function turn({ pair: [x, y], angle, col }) {
  if (angle === 0) return `${shown(col ? y : x)}: the first word is not turned`;
  const [first, sign, second] = col ? ["sin", "+", "cos"] : ["cos", "−", "sin"];
  return `${shown(x)} · ${first} ${angle} ${sign} ${inBrackets(y)} · ${second} ${angle}`;
}

function share({ scores, col }) {
  const seen = scores.filter((s) => s > -Infinity);
  if (scores[col] === -Infinity) return "0: e to the −∞ is 0";
  const sum = seen.length > FEW ? `sum of e^z over all ${seen.length}` : seen.map((s) => `e^${shown(s)}`).join(" + ");
  return `e^${shown(scores[col])} ÷ (${sum})`;
}
