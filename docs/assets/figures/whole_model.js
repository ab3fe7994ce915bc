// The whole model of the course as plain functions of numbers: nothing of the page. Arrays are lists of rows, those of
// the heads lists of such lists; names and order are those of the library's `TinyModel.activations`.

import { causalScores, rms, rmsNorm, rotated, softmax, times, upTo } from "./arithmetic.js";

const HEADS = 2;

/** The words of a text; a full stop is a word of its own. */
export const wordsIn = (text) => text.toLowerCase().replaceAll(".", " . ").split(/\s+/u).filter(Boolean);

/** The first word that the model does not know, if there is one. */
export const unknownIn = (text, words) => wordsIn(text).find((word) => !words.includes(word));

export const encoded = (text, words) => wordsIn(text).map((word) => words.indexOf(word));

const column = (matrix, j) => matrix.map((row) => row[j]);
const linear = (rows, matrix) => rows.map((row) => times(row, matrix));
const added = (a, b) => a.map((row, t) => row.map((x, j) => x + b[t][j]));

/** Columns dealt out to the heads. */
function byHead(rows) {
  const width = rows[0].length / HEADS;
  return upTo(HEADS).map((h) => rows.map((row) => row.slice(h * width, (h + 1) * width)));
}

/** Each pair turned by one radian for each word before it: in a head of width 2 there is one pair. */
const inPlace = (rows) => rows.map((pair, t) => rotated(pair, t));

/** Every array between the numbers of the words and the shares of the next. */
export function everyArray(ids, params) {
  const found = { ids, embedding: ids.map((id) => params.embedding[id]) };
  const of = (name) => params[`0.${name}`];
  const each = (name, ...lists) => found[lists[0]].map((_, h) => name(...lists.map((list) => found[list][h])));
  found["attention.normed"] = rmsNorm(found.embedding, of("attention.norm"));
  for (const name of ["query", "key", "value"]) {
    found[name] = byHead(linear(found["attention.normed"], of(`attention.${name}`)));
  }
  for (const name of ["query", "key"]) found[`${name}.rotated`] = each(inPlace, name);
  found["attention.scores"] = each(causalScores, "query.rotated", "key.rotated");
  found["attention.weights"] = found["attention.scores"].map((rows) => rows.map((row) => softmax(row)));
  found["attention.heads"] = each(linear, "attention.weights", "value");
  found["attention.output"] = linear(sideBySide(found["attention.heads"]), of("attention.output"));
  found["attention.residual"] = added(found.embedding, found["attention.output"]);
  found["mlp.normed"] = rmsNorm(found["attention.residual"], of("mlp.norm"));
  found["mlp.hidden"] = linear(found["mlp.normed"], of("mlp.up"));
  found["mlp.relu"] = found["mlp.hidden"].map((row) => row.map((x) => Math.max(x, 0)));
  found["mlp.output"] = linear(found["mlp.relu"], of("mlp.down"));
  found["mlp.residual"] = added(found["attention.residual"], found["mlp.output"]);
  found.normed = rmsNorm(found["mlp.residual"], params.norm);
  found.logits = linear(found.normed, params.scores);
  found.shares = found.logits.map((row) => softmax(row));
  return found;
}

const sideBySide = (heads) => heads[0].map((_, t) => heads.flatMap((rows) => rows[t]));

export const isByHead = (array) => Array.isArray(array[0]?.[0]);
export const sizesOf = (array) => (Array.isArray(array) ? [array.length, ...sizesOf(array[0])] : []);

/** How one number of an array was made: the numbers that it comes from, and the kind of sum they stand in. */
export function makingOf(name, at, arrays, params, step) {
  const { head, row, col } = at;
  const from = (need) => (isByHead(arrays[need]) ? arrays[need][head] : arrays[need]);
  const [need, other] = step.needs;
  const weight = params[step.weights[0]];
  if (name === "ids") return { kind: "place", value: arrays.ids[row] };
  if (name === "embedding") return { kind: "picked", row: arrays.ids[row], col, value: weight[arrays.ids[row]][col] };
  if (name.endsWith("normed")) {
    const x = arrays[need][row];
    return { kind: "norm", x: x[col], size: rms(x), weight: weight[col] };
  }
  if (name.endsWith("residual")) return { kind: "sum", parts: [arrays[need][row][col], arrays[other][row][col]] };
  if (name.endsWith("rotated")) return { kind: "turn", pair: from(need)[row], angle: row, col };
  if (name === "mlp.relu") return { kind: "bend", x: arrays[need][row][col] };
  if (name === "attention.weights" || name === "shares") return { kind: "share", scores: from(need)[row], col };
  if (name === "attention.scores") {
    if (col > row) return { kind: "hidden" };
    return { kind: "products", factors: pairs(from(need)[row], from(other)[col]), over: Math.sqrt(2) };
  }
  if (name === "attention.heads") return { kind: "products", factors: pairs(from(need)[row].slice(0, row + 1), column(from(other), col)), over: 1 };
  const whole = name === "attention.output" ? sideBySide(arrays[need])[row] : arrays[need][row];
  const inHead = ["query", "key", "value"].includes(name) ? (head * weight[0].length) / HEADS : 0;
  return { kind: "products", factors: pairs(whole, column(weight, inHead + col)), over: 1 };
}

const pairs = (a, b) => a.map((x, i) => [x, b[i]]);

/** The number that a making gives. */
export function valueOf(making) {
  switch (making.kind) {
    case "norm":
      return (making.x / making.size) * making.weight;
    case "sum":
      return making.parts[0] + making.parts[1];
    case "turn":
      return rotated(making.pair, making.angle)[making.col];
    case "bend":
      return Math.max(making.x, 0);
    case "share":
      return softmax(making.scores)[making.col];
    case "hidden":
      return -Infinity;
    case "products":
      return making.factors.reduce((sum, [a, b]) => sum + a * b, 0) / making.over;
    default:
      return making.value;
  }
}

/** The rows of a needed array that a row comes from. */
export function rowsFrom(name, need, row) {
  const all = name === "attention.scores" ? "key.rotated" : name === "attention.heads" ? "value" : "";
  return need === all ? upTo(row + 1) : [row];
}

/** The word whose stretch of the line from 0 to 1 a number falls into. */
export function drawnBy(shares, number) {
  let reached = 0;
  const total = shares.reduce((sum, p) => sum + p, 0);
  const drawn = shares.findIndex((p) => (reached += p) > number * total);
  return drawn < 0 ? shares.length - 1 : drawn;
}
