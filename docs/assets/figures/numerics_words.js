// Chapters 1 to 7. Each entry takes a state and the data of its figure and returns named lists of numbers.

import { argmax, cosineOf, degrees, dice, dot, numbered, rowsOf, softmax, times, upTo } from "./arithmetic.js";

/** A template holds 8 × 8 numbers, each for a block of 2 × 2 of the 256 pixels. */
const block = (pixel) => 8 * (pixel >> 5) + ((pixel & 15) >> 1);

const SHADES = "0123456789abcdefg";

/** The 256 pixels that a string of shades stands for. */
export const pixelsOf = (shades) => [...shades].map((shade) => SHADES.indexOf(shade) / 16);

/** The string of shades for 256 pixels. */
export const shadesOf = (pixels) => pixels.map((x) => SHADES[Math.round(16 * x)]).join("");

/** Every score of a word of two numbers, and the loss of the neighbour that was seen. */
function guess({ word, weights }, seen) {
  const shares = softmax(weights.map((w) => dot(word, w)));
  return { shares, loss: -Math.log(shares[seen]) };
}

/** One step against the gradient; `moves` says what may move. */
function stepped({ word, weights }, seen, rate, moves) {
  const pulls = guess({ word, weights }, seen).shares.map((p, k) => rate * (p - (k === seen)));
  return {
    word: moves === "only the weights" ? word : word.map((x, i) => x - dot(pulls, weights.map((w) => w[i]))),
    weights: moves === "only the word" ? weights : weights.map((w, k) => w.map((x, i) => x - pulls[k] * word[i])),
  };
}

/** Words as a `WordTokenizer` finds them: periods removed, white space between them. */
export const wordsIn = (words) => words.replaceAll(".", "").split(/\s+/u).filter(Boolean);

const PIECES =
  / ?[\p{L}\p{Nl}\p{No}]+| ?\p{Nd}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu; // words, numbers, marks, each with its space; white space

/** The bytes of a text in UTF-8. */
function bytesOf(piece) {
  return [...encodeURIComponent(piece).matchAll(/%(..)|(.)/gsu)].map(([, hex, sign]) => (hex ? parseInt(hex, 16) : sign.codePointAt(0)));
}

function joined(tokens, [left, right], id) {
  const out = [];
  for (let i = 0; i < tokens.length; i++) {
    const pair = tokens[i] === left && tokens[i + 1] === right;
    out.push(pair ? id : tokens[i]);
    if (pair) i++;
  }
  return out;
}

/** The pair that occurs most often, of equal ones that of the smallest ids; nothing if none occurs twice. */
function mostFrequent(pieces) {
  const counts = new Map();
  for (const tokens of pieces) {
    for (let i = 0; i + 1 < tokens.length; i++) {
      const key = tokens[i] * 1e6 + tokens[i + 1];
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  const best = [...counts].sort(([a, m], [b, n]) => n - m || a - b)[0];
  return best && best[1] > 1 ? [Math.floor(best[0] / 1e6), best[0] % 1e6] : null;
}

/** The merges that a text teaches, at most so many, and its pieces as they have become. */
export function bytePairs(words, most) {
  let pieces = (words.match(PIECES) ?? []).map(bytesOf);
  const merges = [];
  while (merges.length < most) {
    const pair = mostFrequent(pieces);
    if (!pair) break;
    merges.push(pair);
    pieces = pieces.map((tokens) => joined(tokens, pair, 255 + merges.length));
  }
  return { merges, pieces };
}

const VECTORS = 64;
const WIDEST_VECTOR = 1000;

/** What a predictor of neighbours becomes, pass by pass: the words' vectors, the weights, and at each the loss. */
const traces = new WeakMap();
export function trained(data, begin, pass) {
  const start = data.starts[begin - 1];
  if (!traces.has(start)) traces.set(start, [{ ...start }]);
  const trace = traces.get(start);
  while (trace.length <= pass + 1) trace.push(onePass(trace.at(-1), data)); // the loss at a pass comes with the next
  return trace[pass];
}

function onePass(now, { pairs: [words, neighbours], rate }) {
  const slopes = { embedding: now.embedding.map((e) => e.map(() => 0)), output: now.output.map((row) => row.map(() => 0)) };
  now.loss = 0;
  for (const [k, word] of words.entries()) {
    const e = now.embedding[word];
    const shares = softmax(times(e, now.output));
    now.loss -= Math.log(shares[neighbours[k]]) / words.length;
    for (const [j, share] of shares.entries()) {
      const pull = (share - (j === neighbours[k])) / words.length;
      for (let i = 0; i < e.length; i++) {
        slopes.embedding[word][i] += pull * now.output[i][j];
        slopes.output[i][j] += pull * e[i];
      }
    }
  }
  const moved = (name) => now[name].map((row, r) => row.map((x, c) => x - rate * slopes[name][r][c]));
  return { embedding: moved("embedding"), output: moved("output") };
}

export const wordFigures = {
  digit(state, data) {
    const pixels = pixelsOf(state.pixels);
    const scores = data.bias.map((bias, digit) => pixels.reduce((sum, x, i) => sum + x * data.templates[digit][block(i)], bias));
    return { scores, digit: [argmax(scores)], ink: [pixels.reduce((sum, x) => sum + x, 0)] };
  },

  vectors(state) {
    const [a, b] = [numbered(state, "a", 3), numbered(state, "b", 3)];
    const cosine = cosineOf(a, b);
    return {
      products: a.map((x, i) => x * b[i]),
      dot: [dot(a, b)],
      lengths: [Math.sqrt(dot(a, a)), Math.sqrt(dot(b, b))],
      cosine: [cosine],
      angle: [degrees(Math.acos(cosine))],
    };
  },

  step(state, data) {
    let now = { word: data.word, weights: data.weights };
    const before = guess(now, 0);
    const losses = [before.loss];
    for (let i = 0; i < state.steps; i++) {
      now = stepped(now, 0, state.rate, state.moves);
      losses.push(guess(now, 0).loss);
    }
    const after = guess(now, 0);
    return {
      before: before.shares,
      after: after.shares,
      word: now.word,
      columns: now.weights.flat(),
      losses,
      ends: [before.loss, after.loss],
    };
  },

  tokenizer(state) {
    const words = wordsIn(state.text);
    const vocabulary = [...new Set(words)];
    const { merges, pieces } = bytePairs(state.text, state.merges);
    const tokens = pieces.flat();
    return {
      ids: words.map((word) => vocabulary.indexOf(word)),
      merges: merges.flat(),
      tokens,
      counts: [vocabulary.length, bytesOf(state.text).length, merges.length, tokens.length],
    };
  },

  directions(state) {
    const vectors = rowsOf(dice(VECTORS * WIDEST_VECTOR), WIDEST_VECTOR).map((row) => row.slice(0, state.size));
    const squares = vectors.map((v) => dot(v, v));
    const cosines = vectors.flatMap((a, i) => upTo(i).map((j) => dot(a, vectors[j]) / Math.sqrt(squares[i] * squares[j])));
    const counts = Array(21).fill(0);
    for (const cosine of cosines) counts[Math.round(degrees(Math.acos(Math.min(Math.max(cosine, -1), 1))) / 9)]++;
    const sizes = cosines.map(Math.abs);
    const edge = Math.cos((81 * Math.PI) / 180);
    return {
      counts,
      near: [(100 * sizes.filter((size) => size <= edge).length) / sizes.length],
      spread: [Math.sqrt(dot(sizes, sizes) / sizes.length), 1 / Math.sqrt(state.size)],
      largest: [Math.min(Math.max(...sizes), 1)],
    };
  },

  map(state, data) {
    const { embedding, loss } = trained(data, state.begin, state.pass);
    const place = (word) => embedding[data.words.indexOf(word)];
    const apart = (a, b) => Math.hypot(place(a)[0] - place(b)[0], place(a)[1] - place(b)[1]);
    return {
      places: embedding.flat(),
      loss: [loss],
      apart: [apart("dog", "puppy"), apart("cat", "kitten"), apart("king", "queen"), apart("dog", "queen")],
    };
  },
};
