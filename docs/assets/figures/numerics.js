// What the figures compute: plain functions of numbers, nothing of the page. Each entry of `compute` takes a state and the
// data of its figure and returns named lists of numbers, the same that the library returns for that state.

/** Shares of scores. */
export function softmax(scores) {
  const highest = Math.max(...scores);
  const raised = scores.map((x) => Math.exp(x - highest));
  const total = raised.reduce((sum, e) => sum + e, 0);
  return raised.map((e) => e / total);
}

/** How undecided shares are, in nats. */
export function entropy(shares) {
  return shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

function dot(a, b) {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

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

const degrees = (angle) => (angle * 180) / Math.PI;

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
export function wordsOf(text) {
  return text.toLowerCase().split(/\s+/u).filter(Boolean).slice(0, 8);
}

/** A net with one hidden layer whose broken line passes through (knot, value). */
export function brokenLine(knots, values) {
  const slopes = knots.slice(1).map((t, i) => (values[i + 1] - values[i]) / (t - knots[i]));
  const bends = slopes.map((slope, i) => slope - (i ? slopes[i - 1] : 0));
  return (x) => values[0] + bends.reduce((sum, bend, i) => sum + bend * Math.max(x - knots[i], 0), 0);
}

/** Distinct knots in order, the ends of the interval among them. */
export function knotsOf(state) {
  return [...new Set([0, state.knot1, state.knot2, state.knot3, state.knot4, 6.3])].sort((a, b) => a - b);
}

export const WAVE = Array.from({ length: 316 }, (_, i) => i / 50);

/** The picture of a rank: the first columns of `left` times the first rows of `right`. */
export function thinPicture(rank, data) {
  return data.left.map((row) =>
    data.right[0].map((_, c) => row.slice(0, rank).reduce((sum, x, k) => sum + x * data.right[k][c], 0)),
  );
}

/** A template holds 8 × 8 numbers, each for a block of 2 × 2 of the 256 pixels. */
export const block = (pixel) => 8 * (pixel >> 5) + ((pixel & 15) >> 1);

const SHADES = "0123456789abcdefg";

/** The 256 pixels that a string of shades stands for. */
export const pixelsOf = (shades) => [...shades].map((shade) => SHADES.indexOf(shade) / 16);

/** The string of shades for 256 pixels. */
export const shadesOf = (pixels) => pixels.map((x) => SHADES[Math.round(16 * x)]).join("");

export const compute = {
  softmax(state) {
    const scores = [state.score1, state.score2, state.score3, state.score4];
    const shares = softmax(scores.map((x) => x / state.temperature));
    return { shares, entropy: [entropy(shares)] };
  },

  rope(state) {
    const pairs = [...Array(PAIRS).keys()];
    const between = state.key - state.query;
    const back = nearestRepeat(state.pairs, 2000);
    return {
      query: pairs.map((i) => leftover(state.query * frequency(i))),
      key: pairs.map((i) => leftover(state.key * frequency(i))),
      between: pairs.map((i) => degrees(leftover(between * frequency(i)))),
      score: [pairs.reduce((sum, i) => sum + Math.cos(between * frequency(i)), 0) / PAIRS],
      farthest: [degrees(farthest(between, state.pairs))],
      repeat: [back, degrees(farthest(back, state.pairs))],
    };
  },

  attention_scale(state, data) {
    const scores = data.scores[state.doublings];
    const scaled = softmax(scores.map((x) => x / Math.sqrt(2 ** state.doublings)));
    const bare = softmax(scores);
    return { width: [2 ** state.doublings], scaled, bare, entropies: [entropy(scaled), entropy(bare)] };
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

  relu(state) {
    const knots = knotsOf(state);
    const net = brokenLine(knots, knots.map(Math.sin));
    return { worst: [Math.max(...WAVE.map((x) => Math.abs(net(x) - Math.sin(x))))], bends: [knots.length - 2] };
  },

  heads(state) {
    const [first] = softmax([state.score1, 0]);
    const [second] = softmax([state.score2, 0]);
    const missing = [Math.hypot(1 - first, first), Math.hypot(1 - first, 1 - second)];
    return { one: [first, 1 - first], two: [first, second], missing };
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

  digit(state, data) {
    const pixels = pixelsOf(state.pixels);
    const scores = data.bias.map((bias, digit) => pixels.reduce((sum, x, i) => sum + x * data.templates[digit][block(i)], bias));
    return { scores, digit: [scores.indexOf(Math.max(...scores))] };
  },
};
