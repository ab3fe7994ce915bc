// How the figures of chapters 17 to 22 are drawn.

import { argmax, numbered, rowsOf, upTo } from "./arithmetic.js";
import { WIDE, arrow, bars, box, circle, grip, hold, line, make, path, pickable, plane, sheet, tag, text, touch, within } from "./drawing.js";
import { POSITIONS, sentenceOf } from "./numerics_sequence.js";
import { brief, factor, percent, shown } from "./shown.js";

const TOO_LARGE = 709.78; // e to a power above this is no float64
const NEIGHBOURS = 0.95; // below 2 · sin(1/2): from a position to the next the fastest wave turns by one radian

export const sequenceDrawings = {
  softmax(stage, { state }) {
    const { width, paint } = sheet(stage);
    return ({ shares }) => {
      const w = width();
      const scores = numbered(state, "score", 4).map((x) => x + state.added);
      const names = scores.map((score) => `score ${brief(score)}`);
      paint(w, 200, bars(shares, { left: 4, top: 22, width: w - 8, height: 150, kind: "bar", names, winner: argmax(shares) }));
      return softmaxSaid(state, shares, Math.max(...scores) / state.temperature);
    };
  },

  position(stage, { state }) {
    const { width, paint } = sheet(stage);
    return ({ number, vector, right, length: [size] }) => {
      const w = width();
      const part = (w - 24) / 2;
      const tall = Math.min(part, 230);
      const half = (list, left, title, kind, share) => {
        const flat = plane({ left, top: 24, width: part, height: tall, x: [-1, POSITIONS], y: [-1, POSITIONS] });
        return [
          text(left, 14, title, `start ${kind}`),
          box(left, 24, part, tall, "frame"),
          line(...flat.at([-1, -1]), ...flat.at([POSITIONS, POSITIONS]), "allowed"),
          list.map((read, m) => circle(...flat.at([m, read]), 2.6, `dot ${read === m ? kind : "soft"}`)),
          text(left, tall + 42, "position →", "start axis"),
          text(left + part, tall + 42, `${shown(share, 0)} % right`, `end strong ${kind}`),
        ];
      };
      paint(w, tall + 50, half(number, 0, "↑ read from the number", "red", right[0]), half(vector, part + 24, "↑ from the vector", "blue", right[1]));
      const step = state.most / (POSITIONS - 1);
      return `Two neighbours are ${shown(step, 3)} apart as numbers and at least ${NEIGHBOURS} as vectors; the noise is about ${brief(state.noise)}. The largest number is ${state.most}, the vector is ${shown(size, 2)} long at every position.`;
    };
  },

  rope(stage, { state }) {
    const { width, paint } = sheet(stage);
    return ({ query, key, between, score: [score] }) => {
      const w = width();
      const step = w / 4;
      const r = Math.min(step / 2 - 6, 54);
      const dials = between.map((turn, i) => {
        const [x, y] = [step * (i + 0.5), 34 + r];
        const at = (angle, far = r) => [x + far * Math.cos(angle), y - far * Math.sin(angle)];
        return make(
          "g",
          { class: i < state.pairs ? "" : "aside" },
          text(x, 14, i ? `dial ${i + 1}` : "dial 1", "axis"),
          circle(x, y, r, "rim"),
          path(upTo(25).map((k) => at(query[i] + ((turn * Math.PI) / 180) * (k / 24), r * 0.45)), "curve aside"),
          ...arrow([x, y], at(query[i]), "blue"),
          ...arrow([x, y], at(key[i]), "red"),
          text(x, 2 * r + 54, `${shown(turn, 1)}°`, "strong"),
        );
      });
      paint(w, 2 * r + 84, dials, text(0, 2 * r + 80, `query, position ${state.query + state.both}`, "start blue"), text(w, 2 * r + 80, `key, position ${state.key + state.both}`, "end red"));
      const apart = state.key - state.query;
      return `The key stands ${Math.abs(apart)} ${Math.abs(apart) === 1 ? "word" : "words"} ${apart < 0 ? "before" : "after"} the query: score ${shown(score, 4)}. Moving both turns all hands and leaves every angle between them as it is.`;
    };
  },

  search(stage, { data, state, set }) {
    const { drawing, width, paint } = sheet(stage);
    const side = (w) => (w < WIDE ? Math.min(w, 280) : Math.min(w * 0.4, 240));
    const askAt = (w) => plane({ left: w < WIDE ? (w - side(w)) / 2 : 0, top: 24, width: side(w), height: side(w), x: [-4.2, 4.2], y: [-4.2, 4.2] });
    hold(drawing, (_, at) => {
      const [q1, q2] = askAt(width()).back(at).map((v) => within(v, -4, 4, 0.1));
      set({ q1, q2 });
    });
    return ({ scores, shares, output }) => {
      const [w, narrow] = [width(), width() < WIDE];
      const ask = askAt(w);
      const query = numbered(state, "q", 2);
      const below = narrow ? side(w) + 64 : 24;
      const middle = narrow ? { left: 0, width: w * 0.46 } : { left: side(w) + 16, width: w - 2 * side(w) - 32 };
      const size = narrow ? w * 0.46 : side(w);
      const get = plane({ left: w - size, top: below, width: size, height: size, x: [-2.8, 2.8], y: [-2.8, 2.8] });
      const winner = argmax(shares);
      const kinds = ["soft", "green", "ink"];
      paint(
        w,
        below + size + 22,
        text(ask.x(-4.2), 14, "the query, and three keys", "start axis"),
        ask.frame,
        data.keys.map((key, i) => [arrow(ask.at([0, 0]), ask.at(key), kinds[i]), tag(ask.at([0, 0]), ask.at(key), data.words[i], kinds[i])]),
        arrow(ask.at([0, 0]), ask.at(query), "blue"),
        grip(ask.at(query), "query"),
        text(ask.x(4.2), 24 + side(w) + 15, "could act →", "end axis"),
        text(ask.x(-4.2) + 4, 40, "↑ is an action", "start axis"),
        text(middle.left, below - 10, "shares", "start axis"),
        bars(shares, { ...middle, top: below + 18, height: size - 18, kind: "bar", names: data.words, labels: (share) => shown(share, 2), winner }),
        text(w - size, below - 10, "values; what comes out", "start axis"),
        get.frame,
        path([...data.values, data.values[0]].map(get.at), "curve aside"),
        data.values.map((value, i) => {
          const dot = circle(...get.at(value), 3 + 7 * shares[i], `dot ${kinds[i]}`);
          return [dot, tag(get.at([0, 0]), get.at(value), data.words[i], kinds[i])];
        }),
        circle(...get.at(output), 6, "spot"),
        text(w, below + size + 15, "living →", "end axis"),
      );
      const sum = `(${query.map((q, i) => `${factor(q)} · ${factor(data.keys[winner][i])}`).join(" + ")})/√2 = ${shown(scores[winner], 2)}`;
      if (!query.some(Boolean)) return "A query of zeros asks nothing: all scores are 0, all shares a third, and the output is the mean of the values.";
      return `Highest score: ${data.words[winner]}, ${sum}. It gets ${percent(shares[winner])}; the output, the blue dot, never leaves the triangle of the values.`;
    };
  },

  attention_scale(stage) {
    const { width, paint } = sheet(stage);
    return ({ width: [d], scaled, bare }) => {
      const w = width();
      const part = (w - 24) / 2;
      const label = (share) => (share >= 0.005 ? shown(100 * share, 0) : "");
      const names = upTo(8).map((i) => String(i + 1));
      paint(
        w,
        222,
        text(0, 14, "divided by √d, in %", "start blue"),
        text(part + 24, 14, "not divided", "start red"),
        bars(scaled, { left: 0, top: 46, width: part, height: 140, kind: "bar", labels: label, names }),
        bars(bare, { left: part + 24, top: 46, width: part, height: 140, kind: "bar other", labels: label, names }),
        text(w / 2, 220, "keys 1 to 8", "axis"),
      );
      const most = [Math.max(...scaled), Math.max(...bare)].map((share) => percent(share));
      return `At d = ${d.toLocaleString("en")} the best key gets ${most[0]} if scores are divided by √d, ${most[1]} if not.`;
    };
  },

  attention(stage, { state, set }) {
    const { drawing, width, paint } = sheet(stage);
    touch(drawing, (place) => set({ place: Number(place) }));
    return ({ weights, first, second }) => {
      const [w, narrow] = [width(), width() < WIDE];
      const words = sentenceOf(state);
      const part = narrow ? w : w - 150;
      const step = part / 5;
      const column = (word, i) => {
        const x = (i + 0.5) * step;
        const on = i === state.place - 1;
        const bar = (share, y, kind) => box(x - step * 0.3, y, step * 0.6, 70 * share, kind);
        const seen = i < state.place;
        return pickable(
          String(i + 1),
          box(i * step, 18, step, 232, "hit pickable"),
          bar(first[i], 110 - 70 * first[i], "bar"),
          bar(second[i], 158, "bar other"),
          seen ? [text(x, 104 - 70 * first[i], percent(first[i])), text(x, 174 + 70 * second[i], percent(second[i]))] : [],
          box(i * step + 2, 116, step - 4, 34, on ? "slot on strong" : "slot"),
          text(x, 138, word, on ? "strong" : seen ? "" : "axis"),
        );
      };
      const cell = 22;
      const grids = narrow ? [{ left: 0, top: 300 }, { left: w / 2 + 8, top: 300 }] : [{ left: w - 112, top: 22 }, { left: w - 112, top: 160 }];
      const whole = rowsOf(rowsOf(weights, 5), 5);
      const heat = (head) => {
        const { left, top } = grids[head];
        const cells = whole[head].flatMap((row, r) =>
          row.map((share, c) => {
            const spot = box(left + c * cell, top + r * cell, cell, cell, head ? "cell below" : "cell");
            spot.setAttribute("fill-opacity", share.toFixed(2));
            return spot;
          }),
        );
        const chosen = box(left, top + (state.place - 1) * cell, 5 * cell, cell, "chosen");
        return [cells, box(left, top, 5 * cell, 5 * cell, "frame"), chosen, text(left, top - 7, `head ${head + 1}, all rows`, "start axis")];
      };
      paint(
        w,
        narrow ? 414 : 274,
        text(0, 14, `head 1 from word ${state.place}`, "start blue"),
        text(0, narrow ? 260 : 268, `head 2 from word ${state.place}`, "start red"),
        words.map(column),
        heat(0),
        heat(1),
      );
      const name = (i) => (i === state.place - 1 ? "itself" : `“${words[i]}”`);
      const most = [first, second].map((row) => `${percent(row[argmax(row)])} to ${name(argmax(row))}`);
      return `“${words[state.place - 1]}”, word ${state.place}: head 1 gives most, ${most[0]}; head 2 ${most[1]}. Touch another word. Words to the right are hidden.`;
    };
  },

  heads(stage) {
    const { width, paint } = sheet(stage);
    return ({ one, two, missing }) => {
      const w = width();
      const flat = plane({ left: (w - 220) / 2, top: 36, width: 220, height: 220, x: [0, 1], y: [0, 1] });
      paint(
        w,
        300,
        box(...flat.at([0, 1]), 220, 220, "frame"),
        line(...flat.at([1, 0]), ...flat.at([0, 1]), "curve"),
        circle(...flat.at([1, 1]), 11, "rim"),
        line(...flat.at(one), ...flat.at([1, 1]), "gap"),
        circle(...flat.at(one), 7, "spot"),
        circle(...flat.at(two), 7, "spot other"),
        text(w / 2, 272, "red →", "axis"),
        text(flat.x(0) - 8, flat.y(0.5), "car ↑", "end axis"),
        text(flat.x(1), 16, "both, whole", "strong"),
        text(flat.x(0), 296, "● one head", "start blue"),
        text(flat.x(1), 296, "● two heads", "end red"),
      );
      return `One head has one unit of attention to give: red ${shown(one[0], 2)} + car ${shown(one[1], 2)} = 1, so it stays on the line and misses “both” by ${shown(missing[0], 2)}, at best by 0.71. Two heads have one unit each, and miss it by ${shown(missing[1], 2)}.`;
    };
  },
};

function softmaxSaid(state, shares, highest) {
  const best = Math.max(...shares);
  const tied = shares.filter((share) => share === best).length;
  const tie = tied > 1 ? `A tie: ${tied} equal scores, ${tied} equal shares.` : "";
  if (highest > TOO_LARGE) return `e to the power ${brief(highest)} is too large for a float, yet the shares are those without the constant: only differences of scores count. ${tie}`.trim();
  if (tie) return tie;
  const ratio = best / Math.min(...shares);
  return `The highest score gets ${percent(best)}, ${ratio < 1e6 ? `${brief(ratio, 1)} times` : "more than a million times"} as much as the lowest.`;
}
