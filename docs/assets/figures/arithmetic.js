// What the figures share: sums and exponentials, nothing of the page and nothing of one figure.

/** Shares of scores. */
export function softmax(scores, temperature = 1) {
  const highest = Math.max(...scores);
  const raised = scores.map((x) => Math.exp((x - highest) / temperature));
  const total = raised.reduce((sum, e) => sum + e, 0);
  return raised.map((e) => e / total);
}

/** How undecided shares are, in nats. */
export function entropy(shares) {
  return shares.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

export function dot(a, b) {
  return a.reduce((sum, x, i) => sum + x * b[i], 0);
}

/** A row times a matrix, which is a list of rows. */
export function times(row, matrix) {
  return matrix[0].map((_, j) => row.reduce((sum, x, i) => sum + x * matrix[i][j], 0));
}

const EPSILON = 1e-6; // of the library's `rms_norm`

/** The root of the mean square of a row, kept off 0. */
export const rms = (row) => Math.sqrt(dot(row, row) / row.length + EPSILON);

/** Rows divided by their rms, each number times a weight. */
export const rmsNorm = (rows, weight) => rows.map((row) => row.map((x, i) => (x / rms(row)) * weight[i]));

/** A pair turned by an angle in radians. */
export const rotated = ([x, y], angle) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];

/** Scaled scores of every query against every key; those of later words are masked. */
export const causalScores = (queries, keys) =>
  queries.map((query, t) => keys.map((key, s) => (s > t ? -Infinity : dot(query, key) / Math.sqrt(query.length))));

/** Cosine of two vectors; 0 where one has no direction. */
export function cosineOf(a, b) {
  const both = Math.sqrt(dot(a, a) * dot(b, b));
  return both ? Math.min(Math.max(dot(a, b) / both, -1), 1) : 0;
}

export const degrees = (angle) => (angle * 180) / Math.PI;
export const radians = (angle) => (angle * Math.PI) / 180;
export const upTo = (count) => [...Array(count).keys()];

/** A list as rows of so many. */
export const rowsOf = (list, width) => upTo(list.length / width).map((i) => list.slice(i * width, (i + 1) * width));

/** The numbers name1, name2, … of a state. */
export const numbered = (state, name, count) => upTo(count).map((i) => state[`${name}${i + 1}`]);

/** The place of the first of the highest. */
export const argmax = (list) => list.indexOf(Math.max(...list));

let drawn = [];
let seed = 1;

/** Whole numbers from −80 to 80, near normal: sums of four draws of Park and Miller's generator, as the build draws them. */
export function dice(count) {
  const draw = () => (seed = (16807 * seed) % 2147483647) % 41;
  while (drawn.length < count) drawn.push(draw() + draw() + draw() + draw() - 80);
  return drawn.slice(0, count);
}
