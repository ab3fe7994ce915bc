// Chapters 8 to 16. Each entry takes a state and the data of its figure and returns named lists of numbers.

import { argmax, cosineOf, dice, dot, numbered, radians, rowsOf, softmax, times, upTo } from "./arithmetic.js";

/** A net with one hidden layer whose broken line passes through (knot, value). */
export function brokenLine(knots, values) {
  const slopes = knots.slice(1).map((t, i) => (values[i + 1] - values[i]) / (t - knots[i]));
  const bends = slopes.map((slope, i) => slope - (i ? slopes[i - 1] : 0));
  return (x) => values[0] + bends.reduce((sum, bend, i) => sum + bend * Math.max(x - knots[i], 0), 0);
}

export const LAST = 6.4;

/** Distinct knots in order, the ends of the interval among them. */
export function knotsOf(state) {
  return [...new Set([0, ...numbered(state, "knot", state.knots), LAST])].sort((a, b) => a - b);
}

/** The knots with one of them moved: none passes another, they push. */
export function pushed(state, moved) {
  const n = state.knots;
  const at = numbered(state, "knot", n).map((x, i) => Math.min(Math.max(Math.round(10 * x), 1 + i), 64 - n + i));
  for (let i = moved + 1; i < n; i++) at[i] = Math.max(at[i], at[i - 1] + 1);
  for (let i = moved - 1; i >= 0; i--) at[i] = Math.min(at[i], at[i + 1] - 1);
  return Object.fromEntries(at.map((x, i) => [`knot${i + 1}`, x / 10]));
}

export const WAVE = upTo(321).map((i) => i / 50);

/** The two units of `bend` at a place: a line each, bent at its kink or not. */
export function unitsAt(state, x) {
  return [1, 2].map((i) => {
    const line = x - state[`kink${i}`];
    return state[`slope${i}`] * (state.relu ? Math.max(line, 0) : line);
  });
}

/** How often the sum bends. */
function bendsOf(state) {
  if (!state.relu) return 0;
  const turns = new Map();
  for (const i of [1, 2]) {
    const kink = Math.round(10 * state[`kink${i}`]);
    turns.set(kink, (turns.get(kink) ?? 0) + Math.round(10 * state[`slope${i}`]));
  }
  return [...turns.values()].filter((turn) => turn !== 0).length;
}

/** The output of the lines of `square` at a place. */
export function shadeAt(state, [x, y]) {
  const outside = [0, 180, 90, 270].slice(0, state.lines).map((more) => {
    const angle = radians(state.turn + more);
    return Math.max(Math.cos(angle) * x + Math.sin(angle) * y - state.half, 0);
  });
  return Math.max(1 - state.sharpness * outside.reduce((sum, far) => sum + far, 0), 0);
}

/** The picture of a rank: the first columns of `left` times the first rows of `right`. */
export function thinPicture(rank, data) {
  return data.left.map((row) =>
    data.right[0].map((_, c) => row.slice(0, rank).reduce((sum, x, k) => sum + x * data.right[k][c], 0)),
  );
}

/** The matrices of `orientation`, left and right, or what the reader would have to write them as. */
export function sides(state, data) {
  const x = data.x.slice(0, state.inputs);
  const w = data.W.slice(0, state.inputs).map((row) => row.slice(0, state.outputs));
  const turned = w[0].map((_, j) => w.map((row) => row[j]));
  const column = x.map((v) => [v]);
  return { "x W": [[x], w], "Wᵀ x": [turned, column], "W x": [w, column], "x Wᵀ": [[x], turned] }[state.way];
}

export const layerFigures = {
  logits(state) {
    const logits = numbered(state, "z", 4).map((z) => state.factor * z + state.constant);
    return { logits, shares: softmax(logits), argmax: [argmax(logits)] };
  },

  layer(state, { W1, b1, W2 }) {
    const hidden = times(numbered(state, "x", 2), W1).map((sum, i) => sum + b1[i]);
    return { hidden, output: times(hidden, W2) };
  },

  bend(state) {
    const y = upTo(61).map((i) => unitsAt(state, (i - 30) / 10).reduce((a, b) => a + b));
    return { y, bends: [bendsOf(state)] };
  },

  relu(state) {
    const knots = knotsOf(state);
    const net = brokenLine(knots, knots.map(Math.sin));
    return { worst: [Math.max(...WAVE.map((x) => Math.abs(net(x) - Math.sin(x))))], bends: [knots.length - 2] };
  },

  square(state) {
    const corners = [[-1, -1], [-1, 1], [1, -1], [1, 1], [0, 0]];
    return { corners: corners.map((at) => shadeAt(state, at)), walk: upTo(41).map((i) => shadeAt(state, [(i - 20) / 10, 0.3])) };
  },

  rank(state, data) {
    const picture = thinPicture(state.rank, data);
    const whole = thinPicture(data.right.length, data);
    let off = 0;
    let all = 0;
    for (const [r, row] of whole.entries()) {
      for (const [c, x] of row.entries()) {
        off += (x - picture[r][c]) ** 2;
        all += x ** 2;
      }
    }
    const numbers = state.rank * (data.left.length + data.right[0].length);
    return { error: [100 * Math.sqrt(off / all)], numbers: [numbers], row: picture[8] };
  },

  align(state, { weight }) {
    const angle = Math.atan2(weight[1], weight[0]) + radians(state.angle);
    const input = [state.length * Math.cos(angle), state.length * Math.sin(angle)];
    return { input, score: [dot(input, weight)], cosine: [cosineOf(input, weight)] };
  },

  matmul(state) {
    const drawn = rowsOf(dice(360), 18)[state.numbers - 1].map((x) => Math.floor((x + 6) / 12));
    const [a, b] = [rowsOf(drawn.slice(0, 6), 3), rowsOf(drawn.slice(6), 4)];
    const terms = a[state.row - 1].map((x, i) => x * b[i][state.column - 1]);
    return { a: a.flat(), b: b.flat(), product: a.flatMap((row) => times(row, b)), terms, cell: [terms.reduce((sum, x) => sum + x, 0)] };
  },

  orientation(state, data) {
    const [left, right] = sides(state, data);
    if (left[0].length !== right.length) return { fits: [0], result: [] };
    return { fits: [1], result: left.flatMap((row) => times(row, right)) };
  },
};
