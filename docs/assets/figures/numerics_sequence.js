// Chapters 17 to 22. Each entry takes a state and the data of its figure and returns named lists of numbers.

import { causalScores, degrees, dice, dot, entropy, numbered, rmsNorm, rotated, rowsOf, softmax, times, upTo } from "./arithmetic.js";

/** What is left of an angle after whole turns, from −π to π. */
function leftover(angle) {
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

/** The sentence of the tiny model that is looked at. */
export const sentenceOf = ({ animal, verb }) => ["the", animal, verb, "on", "the"];

/** Attention of a head that owns two numbers of each query and key: a row for every word, nothing from later ones. */
function headWeights(queries, keys, head) {
  const part = (rows) => rows.map((row, position) => rotated(row.slice(2 * head, 2 * head + 2), position));
  return causalScores(part(queries), part(keys)).map((scores) => softmax(scores));
}

export const POSITIONS = 64;
const REPEATS = 4;
const WIDEST_CODE = 32;
const DEVIATION = Math.sqrt(560); // of a number of `dice`: four draws from 41 equally likely ones, 4 · (41² − 1) / 12

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
    const shares = softmax(scores, state.temperature);
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

  attention(state, data) {
    const normed = rmsNorm(sentenceOf(state).map((word) => data.embedding[data.words.indexOf(word)]), data.norm);
    const [queries, keys] = [data.query, data.key].map((matrix) => normed.map((row) => times(row, matrix)));
    const heads = [0, 1].map((head) => headWeights(queries, keys, head));
    const [first, second] = heads.map((rows) => rows[state.place - 1]);
    return { weights: heads.flat(2), first, second };
  },

  heads(state) {
    const [first] = softmax([state.score1, 0]);
    const [second] = softmax([state.score2, 0]);
    const missing = [Math.hypot(1 - first, first), Math.hypot(1 - first, 1 - second)];
    return { one: [first, 1 - first], two: [first, second], missing };
  },
};
