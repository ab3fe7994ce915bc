// How the figures of chapters 8 to 16 are drawn.

import { degrees, numbered, radians, rowsOf, upTo } from "./arithmetic.js";
import { arrow, box, circle, grid, grip, hold, line, make, path, pickable, plane, plated, sheet, tag, text, touch, within } from "./drawing.js";
import { LAST, WAVE, brokenLine, knotsOf, shadeAt, sides, thinPicture, unitsAt } from "./numerics_layers.js";
import { brief, factor, shown } from "./shown.js";

const NOUNS = ["cat", "dog", "mat", "sun"];

/** A matrix with its numbers, each a cell of its own. */
function numbersOf(rows, { left, top, size, kind = () => "", pick = () => null, decimals = 0 }) {
  return rows.map((row, r) =>
    row.map((x, c) => {
      const cell = [
        box(left + c * size, top + r * size, size, size, `slot ${kind(r, c)}`),
        text(left + (c + 0.5) * size, top + (r + 0.5) * size + 5, brief(x, decimals), kind(r, c)),
      ];
      const name = pick(r, c);
      return name === null ? cell : pickable(name, cell);
    }),
  );
}

export const layerDrawings = {
  logits(stage, { state }) {
    const { width, paint } = sheet(stage);
    return ({ logits, shares, argmax: [winner] }) => {
      const w = width();
      const half = (w - 60) / 2;
      const most = Math.max(4, ...logits.map(Math.abs));
      const middle = 44 + half / 2;
      const tied = logits.filter((z) => z === logits[winner]).length > 1;
      const row = (name, i) => {
        const y = 22 + 34 * i;
        const kind = i === winner ? "bar other" : "bar";
        const length = ((half / 2 - 8) * logits[i]) / most;
        const share = (half - 52) * shares[i];
        return [
          text(0, y + 15, name, `start ${i === winner ? "winner" : ""}`),
          box(Math.min(middle, middle + length), y, Math.abs(length), 20, kind),
          text(logits[i] < 0 ? middle + 5 : middle - 5, y + 15, brief(logits[i], 2), logits[i] < 0 ? "start" : "end"),
          box(60 + half, y, share, 20, kind),
          text(64 + half + share, y + 15, `${shown(100 * shares[i], 1)} %`, "start"),
        ];
      };
      paint(w, 162, text(middle, 12, "logits", "axis"), text(60 + half, 12, "shares (softmax)", "start axis"), NOUNS.map(row), line(middle, 18, middle, 156, "base"), line(60 + half, 18, 60 + half, 156, "base"));
      if (tied) return `A tie: argmax takes the first of the highest, index ${winner}, “${NOUNS[winner]}”.`;
      return `argmax = ${winner}, “${NOUNS[winner]}”${state.factor < 0 ? ": a factor below 0 turns the order round" : ""}.`;
    };
  },

  layer(stage, { data, state, set }) {
    const { drawing, width, paint } = sheet(stage);
    touch(drawing, (unit) => set({ unit }));
    return ({ hidden, output }) => {
      const w = width();
      const x = numbered(state, "x", 2);
      const layers = [x, hidden, output];
      const at = (layer, i) => [34 + (layer * (w - 68)) / 2, 125 + (i - (layers[layer].length - 1) / 2) * 74];
      const chosen = data.units.indexOf(state.unit);
      const [layer, unit] = chosen < 3 ? [1, chosen] : [2, chosen - 3];
      const labels = []; // above all wires
      const wires = [data.W1, data.W2].flatMap((matrix, l) =>
        matrix.flatMap((row, i) =>
          row.map((weight, j) => {
            if (weight === 0) return [];
            const on = l + 1 === layer && j === unit;
            const wire = line(...at(l, i), ...at(l + 1, j), `wire ${weight < 0 ? "red" : "blue"} ${on ? "on" : ""}`);
            wire.setAttribute("stroke-width", 1 + 2 * Math.abs(weight));
            const [[x0, y0], [x1, y1]] = [at(l, i), at(l + 1, j)];
            labels.push(on ? plated(x0 + 0.4 * (x1 - x0), y0 + 0.4 * (y1 - y0) + 5, brief(weight, 1)) : []);
            return wire;
          }),
        ),
      );
      const node = (l, i) => {
        const on = l === layer && i === unit;
        const [cx, cy] = at(l, i);
        const parts = [circle(cx, cy, 24, on ? "node on" : "node"), text(cx, cy + 5, brief(layers[l][i], 2), "strong")];
        return l ? pickable(data.units[l === 1 ? i : 3 + i], parts) : parts;
      };
      const titles = ["inputs", "hidden", "outputs"].map((name, l) => text(34 + (l * (w - 68)) / 2, 12, name, "axis"));
      paint(w, 240, titles, wires, labels, layers.map((list, l) => list.map((_, i) => node(l, i))));
      const [from, matrix, bias] = layer === 1 ? [x, data.W1, data.b1[unit]] : [hidden, data.W2, 0];
      const terms = from.map((v, i) => `${factor(v)} · ${factor(matrix[i][unit])}`);
      return `${state.unit} = ${terms.join(" + ")}${bias ? ` + ${brief(bias)}` : ""} = ${brief(layers[layer][unit], 2)}. Touch another circle to see its sum.`;
    };
  },

  bend(stage, { state, set }) {
    const { drawing, width, paint } = sheet(stage);
    const flatAt = (w) => plane({ left: 0, top: 0, width: w, height: 240, x: [-3, 3], y: [-4, 4] });
    hold(drawing, (name, at) => set({ [name]: within(flatAt(width()).back(at)[0], -2.5, 2.5, 0.1) }));
    return ({ y, bends: [bends] }) => {
      const w = width();
      const flat = flatAt(w);
      const grid = upTo(61).map((i) => (i - 30) / 10);
      const unit = (k) => path(grid.map((x) => flat.at([x, clip(unitsAt(state, x)[k])])), `curve thin ${k ? "red" : "blue"}`);
      paint(
        w,
        264,
        flat.frame,
        unit(0),
        unit(1),
        path(grid.map((x, i) => flat.at([x, clip(y[i])])), "curve thick"),
        grip(flat.at([state.kink1, 0]), "kink1"),
        grip(flat.at([state.kink2, 0]), "kink2"),
        text(4, 258, "unit 1", "start blue"),
        text(60, 258, "unit 2", "start red"),
        text(116, 258, "their sum", "start strong"),
        text(w - 4, 258, "drag a circle", "end axis"),
      );
      if (!state.relu) return "Without ReLU two lines add up to one line: no bend, whatever the four numbers are. So do ten layers.";
      return bends ? `With ReLU the sum has ${bends === 1 ? "one bend" : `${bends} bends`}, where a unit begins to work.` : "No bend: the units cancel, or both have slope 0.";
    };
  },

  relu(stage, { state, set }) {
    const { drawing, width, paint } = sheet(stage);
    const flatAt = (w) => plane({ left: 8, top: 8, width: w - 16, height: 190, x: [0, LAST], y: [-1.15, 1.15] });
    hold(drawing, (name, at) => set({ [name]: within(flatAt(width()).back(at)[0], 0.1, 6.3, 0.1) }));
    return ({ worst: [worst] }) => {
      const w = width();
      const flat = flatAt(w);
      const knots = knotsOf(state);
      const net = brokenLine(knots, knots.map(Math.sin));
      const far = WAVE.reduce((best, x) => (Math.abs(net(x) - Math.sin(x)) > Math.abs(net(best) - Math.sin(best)) ? x : best), 0);
      paint(
        w,
        226,
        flat.frame,
        path(WAVE.map((v) => flat.at([v, Math.sin(v)])), "curve aside"),
        path(knots.map((v) => flat.at([v, net(v)])), "curve thick"),
        line(...flat.at([far, net(far)]), ...flat.at([far, Math.sin(far)]), "gap"),
        upTo(state.knots).map((i) => grip(flat.at([state[`knot${i + 1}`], Math.sin(state[`knot${i + 1}`])]), `knot${i + 1}`)),
        text(8, 220, "sine", "start axis"),
        text(52, 220, "net", "start strong"),
        text(90, 220, "largest error", "start red"),
        text(w - 8, 220, "drag a knot", "end axis"),
      );
      const widest = Math.max(...knots.slice(1).map((t, i) => t - knots[i]));
      return `Knots at most ${brief(widest)} apart, largest error ${shown(worst, 4)}. The bound of the chapter: ${brief(widest)}²/8 = ${shown(widest ** 2 / 8, 4)}.`;
    };
  },

  square(stage, { state, set }) {
    const { drawing, width, paint } = sheet(stage);
    const flatAt = (w) => plane({ left: (w - 264) / 2, top: 0, width: 264, height: 264, x: [-2, 2], y: [-2, 2] });
    hold(drawing, (_, at) => {
      const [x, y] = flatAt(width()).back(at);
      const turn = Math.round(degrees(Math.atan2(y, x)));
      set({ half: within(Math.hypot(x, y), 0.1, 1.9, 0.1), turn: Math.min(Math.max(turn, 0), 90) });
    });
    return ({ corners }) => {
      const w = width();
      const flat = flatAt(w);
      const cell = 264 / 44;
      const shade = upTo(44).flatMap((r) =>
        upTo(44).flatMap((c) => {
          const [left, top] = [flat.x(-2) + c * cell, r * cell];
          const value = shadeAt(state, flat.back([left + cell / 2, top + cell / 2]));
          if (value === 0) return [];
          const spot = box(left, top, cell + 0.3, cell + 0.3, "cell");
          spot.setAttribute("fill-opacity", (0.75 * value).toFixed(2));
          return [spot];
        }),
      );
      const edge = (more) => {
        const angle = radians(state.turn + more);
        const [nx, ny] = [Math.cos(angle), Math.sin(angle)];
        const end = (s) => flat.at([state.half * nx - 4 * s * ny, state.half * ny + 4 * s * nx]);
        return line(...end(1), ...end(-1), "edge");
      };
      const places = [[-1, -1], [-1, 1], [1, -1], [1, 1]];
      const turned = radians(state.turn);
      const clipped = box(flat.x(-2), 0, 264, 264, "frame");
      paint(
        w,
        266,
        shade,
        inFrame(flat, [0, 180, 90, 270].slice(0, state.lines).map(edge)),
        clipped,
        places.map((at, i) => [circle(...flat.at(at), 4, "dot ink"), plated(flat.x(at[0]), flat.y(at[1]) + (at[1] > 0 ? -9 : 20), brief(corners[i]))]),
        grip(flat.at([state.half * Math.cos(turned), state.half * Math.sin(turned)]), "edge"),
      );
      return squareSaid(corners);
    };
  },

  rank(stage, { data, state }) {
    const { width, paint } = sheet(stage);
    return ({ error: [error], numbers: [count] }) => {
      const w = width();
      const size = Math.min(w / 48, 9);
      const left = (w - 48 * size) / 2;
      const second = { left, top: 16 * size + 50 };
      paint(
        w,
        32 * size + 54,
        text(left, 14, "the picture: 768 numbers", "start axis"),
        grid(thinPicture(data.right.length, data), { left, top: 22, size }),
        text(second.left, second.top - 8, `rank ${state.rank}: ${count} numbers`, "start axis"),
        grid(thinPicture(state.rank, data), { ...second, size }),
      );
      return `Rank ${state.rank}: (16 + 48) · ${state.rank} = ${count} numbers ${count < 768 ? "instead of" : "against"} 768, off by ${shown(error, 1)} %.`;
    };
  },

  align(stage, { data, state, set }) {
    const { drawing, width, paint } = sheet(stage);
    const side = (w) => Math.min(w, 300);
    const flatAt = (w) => plane({ left: (w - side(w)) / 2, top: 0, width: side(w), height: side(w), x: [-4.2, 4.2], y: [-4.2, 4.2] });
    const first = Math.atan2(data.weight[1], data.weight[0]);
    hold(drawing, (_, at) => {
      const [x, y] = flatAt(width()).back(at);
      const turn = degrees(Math.atan2(y, x) - first);
      set({ length: within(Math.hypot(x, y), 0, 4, 0.1), angle: within(turn - 360 * Math.round(turn / 360), -180, 180, 5) });
    });
    return ({ input, score: [score], cosine: [cosine] }) => {
      const w = width();
      const flat = flatAt(w);
      const centre = flat.at([0, 0]);
      const foot = data.weight.map((v) => (v * score) / 4);
      const across = [-1, 1].map((s) => flat.at([-4.2 * s * data.weight[1], 4.2 * s * data.weight[0]].map((v) => v / 2)));
      const level = (8 * 2) / 1;
      paint(
        w,
        side(w) + 46,
        inFrame(flat, [line(...across[0], ...across[1], "edge")]),
        box(...flat.at([-4.2, 4.2]), side(w), side(w), "frame"),
        line(...flat.at(input), ...flat.at(foot), "gap"),
        arrow(centre, flat.at(data.weight), "red"),
        tag(centre, flat.at(data.weight), "weights w", "red"),
        arrow(centre, flat.at(input), "blue"),
        tag(centre, flat.at(input), "input x", "blue", 18),
        grip(flat.at(input), "input"),
        box(Math.min(w / 2, w / 2 + ((w / 2 - 4) * score) / level), side(w) + 12, Math.abs(((w / 2 - 4) * score) / level), 14, score < 0 ? "bar other" : "bar"),
        line(w / 2, side(w) + 6, w / 2, side(w) + 32, "base"),
        text(w / 2, side(w) + 44, `score ${shown(score, 2)}`, "strong"),
      );
      const sum = `${shown(state.length, 1)} · 2 · cos ${brief(state.angle)}° = ${shown(state.length, 1)} · 2 · ${shown(cosine, 2)} = ${shown(score, 2)}`;
      return `Score = length of x · length of w · cosine: ${state.length ? sum : "0, since x has no length"}. On the dashed line it is 0.`;
    };
  },

  matmul(stage, { state, set }) {
    const { drawing, width, paint } = sheet(stage);
    touch(drawing, (name) => set({ row: Number(name[0]) + 1, column: Number(name[1]) + 1 }));
    return ({ a, b, product, terms, cell: [cell] }) => {
      const w = width();
      const size = Math.min(Math.floor((w - 40) / 7.4), 44);
      const [left, right] = [(w - 7 * size - 28) / 2, (w - 7 * size - 28) / 2 + 3 * size + 28];
      const [row, column] = [state.row - 1, state.column - 1];
      const [A, B, C] = [rowsOf(a, 3), rowsOf(b, 4), rowsOf(product, 4)];
      paint(
        w,
        5 * size + 62,
        text(left + 1.5 * size, 3 * size + 46 + 2 * size + 14, "A", "axis"),
        text(right + 4 * size + 14, 1.5 * size + 4, "B", "axis"),
        text(right + 4 * size + 14, 4 * size + 34, "AB", "axis"),
        numbersOf(B, { left: right, top: 2, size, kind: (_, c) => (c === column ? "on red" : "") }),
        numbersOf(A, { left, top: 3 * size + 30, size, kind: (r) => (r === row ? "on blue" : "") }),
        numbersOf(C, { left: right, top: 3 * size + 30, size, kind: (r, c) => (r === row && c === column ? "on strong" : ""), pick: (r, c) => `${r}${c}` }),
      );
      const sum = terms.map((_, i) => `${factor(A[row][i])} · ${factor(B[i][column])}`).join(" + ");
      return `Row ${state.row} against column ${state.column}: ${sum} = ${brief(cell)}. Touch a cell of the product AB.`;
    };
  },

  orientation(stage, { data, state }) {
    const { width, paint } = sheet(stage);
    return ({ fits: [fits], result }) => {
      const w = width();
      const [left, right] = sides(state, data);
      const answer = fits ? rowsOf(result, right[0].length) : [];
      const columns = left[0].length + right[0].length + (fits ? right[0].length : 1);
      const size = Math.min(Math.floor((w - 64) / columns), 38);
      const tall = 4 * size;
      let x = (w - columns * size - 60) / 2;
      const put = (rows, kind) => {
        const top = 8 + (tall - rows.length * size) / 2;
        const parts = numbersOf(rows, { left: x, top, size, kind: () => kind });
        parts.push(text(x + (rows[0].length * size) / 2, top + rows.length * size + 18, `${rows.length} × ${rows[0].length}`, "axis"));
        x += rows[0].length * size;
        return parts;
      };
      const sign = (words) => text((x += 30) - 15, tall / 2 + 14, words, "strong");
      const parts = [put(left, state.way.startsWith("x") ? "blue" : ""), sign("·"), put(right, state.way.endsWith("x") ? "blue" : "")];
      parts.push(sign("="), fits ? put(answer, "strong") : text(x + size / 2, tall / 2 + 14, "✗", "winner"));
      paint(w, tall + 36, parts);
      return orientationSaid(state, left, right, fits, result);
    };
  },
};

/** Height of a curve that leaves its frame. */
const clip = (y) => Math.min(Math.max(y, -4), 4);

let frames = 0;

/** Parts of a drawing, cut off at the frame of a plane. */
function inFrame(flat, parts) {
  const name = `mc-frame-${(frames += 1)}`;
  const [[x0, y0], [x1, y1]] = [flat.at(flat.low), flat.at(flat.high)];
  const window = make("clipPath", { id: name }, box(x0, y1, x1 - x0, y0 - y1, ""));
  return [window, make("g", { "clip-path": `url(#${name})` }, ...parts.flat(Infinity))];
}

function squareSaid([a, b, c, d, middle]) {
  const on = (x) => x > 0.5;
  if (on(b) && on(c) && !on(a) && !on(d)) return "One or the other, not both: two opposite corners are on, the others off. No single line can do that.";
  if ([a, b, c, d].every(on)) return "All four corners are on.";
  if (![a, b, c, d].some(on) && on(middle)) return "Only the middle is on: the corners are outside.";
  return "Each line is a hidden unit: it is silent on the side of the middle, and beyond it takes away from the output.";
}

function orientationSaid(state, left, right, fits, result) {
  const shapes = `(${left.length} × ${left[0].length}) times (${right.length} × ${right[0].length})`;
  if (!fits) return `${state.way} is refused: ${shapes}, and ${left[0].length} does not meet ${right.length}.`;
  const row = state.way.startsWith("x") ? "a row" : "a column";
  const wrong = ["W x", "x Wᵀ"].includes(state.way);
  const warning = wrong ? " It fits only because W is square; the sums are those of Wᵀ, not of W." : "";
  return `${state.way}: ${shapes}, inner lengths ${right.length} and ${right.length} touch. The result, ${row}: ${result.map((x) => brief(x)).join(", ")}.${warning}`;
}
