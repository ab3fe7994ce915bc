// Chapters 17 to 22. Each entry takes a state and the data of its figure and returns named lists of numbers.

import { degrees, dice, dot, entropy, numbered, rowsOf, softmax, times, upTo } from "./arithmetic.js";

/** What is left of an angle after whole turns, from −π to π. */
export function leftover(angle) {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI));
}

const PAIRS = 4;

function frequency(pair) {
  return 10000 ** (-pair / PAIRS);
}

function farthest(distance, pairs) {
  let most = 0;
  for (let i = 0; i < pairs; i++) most = Math.max(most, Math.abs(leftover(distance * frequency(i))));
  return most;
}

/** The position up to the limit at which the first pairs come closest to where they started. */
function nearestRepeat(pairs, limit) {
  const away = Array.from({ length: limit }, (_, i) => farthest(i + 1, pairs));
  return away.indexOf(Math.min(...away)) + 1;
}

/** A vector for any word: four waves of a number made from its letters. A toy, so that every word has one. */
export function wordVector(word) {
  let seed = 0;
  for (const letter of word) seed = (31 * seed + letter.codePointAt(0)) % 9973;
  return Array.from({ length: 8 }, (_, j) => Math.cos((j + 1) * (0.7 + seed * 0.37)));
}

/** At most eight words of a text. */
export function wordsOf(words) {
  return words.toLowerCase().split(/\s+/u).filter(Boolean).slice(0, 8);
}

const POSITIONS = 64;
const REPEATS = 4;
const WIDEST_CODE = 32;
const DEVIATION = Math.sqrt(560); // of a number of `dice`

/** Sines, then cosines, of a position. */
function waves(position, width) {
  const angles = upTo(width / 2).map((i) => position / 10000 ** ((2 * i) / width));
  return [...angles.map(Math.sin), ...angles.map(Math.cos)];
}

/** Which of the codes a noisy one is nearest to, the first of them if several are. */
function nearest(heard, codes) {
  const away = codes.map((code) => code.reduce((sum, x, i) => sum + (heard[i] - x) ** 2, 0));
  return away.indexOf(Math.min(...away));
}

export const sequenceFigures = {
  softmax(state) {
    const scores = numbered(state, "score", 4).map((x) => x + state.added);
    const shares = softmax(scores.map((x) => x / state.temperature));
    return { shares, entropy: [entropy(shares)] };
  },

  position(state) {
    const noise = rowsOf(dice(REPEATS * POSITIONS * (1 + WIDEST_CODE)), 1 + WIDEST_CODE).map((row) => row.map((x) => (state.noise * x) / DEVIATION));
    const scalars = upTo(POSITIONS).map((m) => [m * (state.most / (POSITIONS - 1))]);
    const vectors = upTo(POSITIONS).map((m) => waves(m, state.width));
    const read = (codes, skip) => noise.map((row, k) => nearest(codes[k % POSITIONS].map((x, i) => x + row[skip + i]), codes));
    const [number, vector] = [read(scalars, 0), read(vectors, 1)];
    const right = (list) => (100 * list.filter((m, k) => m === k % POSITIONS).length) / list.length;
    return {
      number: number.slice(0, POSITIONS),
      vector: vector.slice(0, POSITIONS),
      right: [right(number), right(vector)],
      length: [Math.sqrt(state.width / 2)],
    };
  },

  rope(state) {
    const pairs = upTo(PAIRS);
    const [query, key] = [state.query + state.both, state.key + state.both];
    const between = key - query;
    const back = nearestRepeat(state.pairs, 2000);
    return {
      query: pairs.map((i) => leftover(query * frequency(i))),
      key: pairs.map((i) => leftover(key * frequency(i))),
      between: pairs.map((i) => degrees(leftover(between * frequency(i)))),
      score: [pairs.reduce((sum, i) => sum + Math.cos(between * frequency(i)), 0) / PAIRS],
      farthest: [degrees(farthest(between, state.pairs))],
      repeat: [back, degrees(farthest(back, state.pairs))],
    };
  },

  search(state, { keys, values }) {
    const scores = keys.map((key) => dot(numbered(state, "q", 2), key) / Math.SQRT2);
    const shares = softmax(scores);
    return { scores, shares, output: times(shares, values) };
  },

  attention_scale(state, data) {
    const scores = data.scores[state.d];
    const scaled = softmax(scores.map((x) => x / Math.sqrt(state.d)));
    const bare = softmax(scores);
    return { width: [Number(state.d)], scaled, bare, entropies: [entropy(scaled), entropy(bare)] };
  },

  attention(state) {
    const vectors = wordsOf(state.words).map(wordVector);
    const weights = vectors.flatMap((query, i) =>
      softmax(
        vectors.map((key, j) => (state.causal && j > i ? -Infinity : (state.sharpness * dot(query, key)) / Math.sqrt(8))),
      ),
    );
    return { weights };
  },

  heads(state) {
    const [first] = softmax([state.score1, 0]);
    const [second] = softmax([state.score2, 0]);
    const missing = [Math.hypot(1 - first, first), Math.hypot(1 - first, 1 - second)];
    return { one: [first, 1 - first], two: [first, second], missing };
  },
};
