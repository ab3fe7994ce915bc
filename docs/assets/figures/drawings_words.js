// How the figures of chapters 1 to 7 are drawn. Each entry takes the place to draw in and the figure, and returns a
// function of the numbers that draws, and says in a sentence what there is to see.

import { numbered, radians, rowsOf, upTo } from "./arithmetic.js";
import { WIDE, arrow, box, circle, grid, line, path, place, plane, sheet, steady, tag, text } from "./drawing.js";
import { html } from "../html.js";
import { bytePairs, pixelsOf, shadesOf, trained, wordFigures, wordsIn } from "./numerics_words.js";
import { brief, factor, percent, shown } from "./shown.js";

const [LEAST, MOST] = [-30, 60]; // the scores of digits, of which every one that can be drawn is within

/** Paper and pen of the digit: a pointer draws, and so do the arrow keys and the space bar. */
function paper(drawing, { state, set, data, figure }, cell) {
  for (const [name, value] of Object.entries({ tabindex: 0, role: "application" })) drawing.setAttribute(name, value);
  drawing.setAttribute("aria-label", "Paper of 16 by 16 pixels. Arrow keys move the pen, space draws, delete clears.");
  drawing.removeAttribute("aria-hidden");
  let pen = 7 * 16 + 7;
  let last = null;
  steady(drawing);

  const inked = (pixels, column, row) =>
    pixels.map((ink, i) => {
      const away = Math.hypot((i & 15) + 0.5 - column, (i >> 4) + 0.5 - row);
      return Math.max(ink, Math.round(16 * Math.min(Math.max(1.9 - away, 0), 1)) / 16);
    });
  const stroke = (dots) => set({ pixels: shadesOf(dots.reduce((pixels, at) => inked(pixels, ...at), pixelsOf(state.pixels))) });
  const clear = () => set({ pixels: "0".repeat(256) });

  function drag(event) {
    const now = place(drawing, event).map((v) => v / cell());
    if (now.some((v) => v < 0 || v >= 16)) return;
    const from = last ?? now;
    const steps = Math.ceil(2 * Math.hypot(now[0] - from[0], now[1] - from[1])) || 1;
    stroke(upTo(steps).map((k) => now.map((v, i) => from[i] + ((k + 1) / steps) * (v - from[i]))));
    last = now;
  }
  drawing.addEventListener("pointerdown", (event) => {
    if (event.target.dataset.hold === undefined) return;
    drawing.setPointerCapture(event.pointerId);
    last = null;
    drag(event);
    event.preventDefault();
  });
  drawing.addEventListener("pointermove", (event) => event.buttons && drawing.hasPointerCapture(event.pointerId) && drag(event));
  drawing.addEventListener("keydown", (event) => {
    const [row, column] = [pen >> 4, pen & 15];
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const edge = (v) => Math.min(Math.max(v, 0), 15);
    if (moves[event.key]) pen = 16 * edge(row + moves[event.key][0]) + edge(column + moves[event.key][1]);
    else if (event.key === " ") stroke([[column + 0.5, row + 0.5]]);
    else if (event.key === "Delete" || event.key === "Backspace") clear();
    else return;
    event.preventDefault();
    set({});
  });
  figure.addEventListener("click", ({ target }) => {
    if (target.dataset.sample === undefined) return;
    if (target.dataset.sample) set({ pixels: data.samples[Number(target.dataset.sample)] });
    else clear();
  });
  return () => pen;
}

/** What is said of a digit. */
function reading({ scores, digit: [winner], ink: [ink] }, sample) {
  if (ink === 0) return "Nothing drawn. Draw a digit on the paper, or choose a held-out picture.";
  const second = Math.max(...scores.filter((_, i) => i !== winner));
  const lead = `${shown(scores[winner] - second, 2)} ahead of ${scores.indexOf(second)}`;
  if (sample < 0) return `Read as ${winner}, ${lead}.`;
  return sample === winner ? `A held-out picture of ${sample}, read as ${winner}, ${lead}.` : `A held-out picture of ${sample}, misread as ${winner}, ${lead}.`;
}

export const wordDrawings = {
  digit(stage, figure) {
    const { data, state } = figure;
    const { drawing, width, paint } = sheet(stage);
    const cell = () => (width() < WIDE ? Math.floor(width() / 20) : 16);
    const pen = paper(drawing, figure, cell);
    const misread = upTo(10).filter((i) => wordFigures.digit({ pixels: data.samples[i] }, data).digit[0] !== i);
    for (const i of misread) figure.figure.querySelector(`[data-sample="${i}"]`).classList.add("misread");
    figure.figure.querySelector(".mc-misread").textContent = `underlined: misread. Of all ${data.heldOut.count} held-out pictures, ${percent(data.heldOut.right / data.heldOut.count)} are read right.`;

    return (values) => {
      const [w, size, narrow] = [width(), cell(), width() < WIDE];
      const pixels = pixelsOf(state.pixels);
      const [left, top, row] = narrow ? [0, 16 * size + 16, 21] : [286, 0, 25.6];
      const scale = (score) => left + 92 + ((Math.min(Math.max(score, LEAST), MOST) - LEAST) / (MOST - LEAST)) * (w - left - 92);
      const hit = box(0, 0, 16 * size, 16 * size, "hit");
      hit.dataset.hold = "paper";
      paint(
        w,
        narrow ? top + 10 * row : 258,
        grid(rowsOf(pixels, 16), { left: 0, top: 0, size }),
        box(size * (pen() & 15), size * (pen() >> 4), size, size, "pen"),
        hit,
        line(scale(0), top, scale(0), top + 10 * row, "base"),
        values.scores.map((score, i) => {
          const y = top + row * i;
          const won = values.ink[0] > 0 && i === values.digit[0];
          return [
            text(left + 6, y + row / 2 + 5, String(i), won ? "winner" : "axis"),
            grid(rowsOf(data.templates[i], 8), { left: left + 16, top: y + 2, size: (row - 4) / 8 }),
            text(left + 86, y + row / 2 + 5, shown(score, 1), won ? "end winner" : "end"),
            box(Math.min(scale(0), scale(score)), y + row / 2 - 6, Math.abs(scale(score) - scale(0)), 12, won ? "bar other" : "bar"),
          ];
        }),
      );
      return reading(values, data.samples.indexOf(state.pixels));
    };
  },

  vectors(stage, { state }) {
    const { width, paint } = sheet(stage);
    const features = ["living", "big", "food"];
    return ({ products, dot: [total], lengths, cosine: [cosine], angle: [angle] }) => {
      const narrow = width() < WIDE;
      const [w, part] = [width(), narrow ? width() : width() * 0.56];
      const [a, b] = [numbered(state, "a", 3), numbered(state, "b", 3)];
      const middle = 50 + (part - 170) / 2;
      const unit = (part - 170) / 4.2;
      const bar = (v, y, kind) => box(Math.min(middle, middle + v * unit), y, Math.abs(v * unit), 12, kind);
      const sum = features.map((name, i) => [
        text(0, 34 + 46 * i, name, "start"),
        bar(a[i], 16 + 46 * i, "bar"),
        bar(b[i], 30 + 46 * i, "bar other"),
        text(part - 4, 34 + 46 * i, `${factor(a[i])} × ${factor(b[i])} = ${brief(products[i], 4)}`, "end"),
      ]);
      const [cx, cy] = narrow ? [w / 2, 306] : [part + (w - part) / 2, 150];
      const reach = Math.min(narrow ? 116 : (w - part) / 2 - 14, 116) / Math.max(2.3, ...lengths);
      const end = (length, turn) => [cx + reach * length * Math.cos(turn), cy - reach * length * Math.sin(turn)];
      const [first, second] = [end(lengths[0], 0), end(lengths[1], radians(angle))];
      const arc = upTo(25).map((k) => end(0.6, radians((angle * k) / 24)));
      paint(
        w,
        narrow ? 336 : 186,
        line(middle, 8, middle, 146, "base"),
        sum,
        line(part - 120, 152, part - 4, 152, "base"),
        text(part - 4, 170, `dot product ${brief(total, 4)}`, "end strong"),
        text(0, 170, "word 1", "start blue"),
        text(56, 170, "word 2", "start red"),
        lengths.every((x) => x > 0) ? [path(arc, "curve aside"), text(cx, cy + 24, `${shown(angle, 1)}° apart, cosine ${shown(cosine, 2)}`, "strong")] : [],
        arrow([cx, cy], first, "blue"),
        arrow([cx, cy], second, "red"),
      );
      if (!lengths.every((x) => x > 0)) return "A word of zeros has no direction: its cosine with anything is set to 0.";
      return `The dot product ${brief(total, 4)} is length ${shown(lengths[0], 2)} times length ${shown(lengths[1], 2)} times cosine ${shown(cosine, 2)}.`;
    };
  },

  step(stage, { data, state }) {
    const { width, paint } = sheet(stage);
    return ({ before, after, word, columns, losses }) => {
      const w = width();
      const narrow = w < WIDE;
      const size = narrow ? Math.min(w, 300) : Math.min(w * 0.48, 260);
      const weights = rowsOf(columns, 2);
      const reach = Math.max(2, ...[...word, ...columns].map((v) => 1.15 * Math.abs(v)));
      const flat = plane({ left: narrow ? (w - size) / 2 : 0, top: 0, width: size, height: size, x: [-reach, reach], y: [-reach, reach] });
      const centre = flat.at([0, 0]);
      const [left, top] = narrow ? [0, size + 34] : [size + 28, 24];
      const rest = w - left;
      const step = rest / 4;
      const shares = data.words.map((name, k) => {
        const tall = (share) => 84 * share;
        return [
          box(left + k * step + step * 0.12, top + 84 - tall(before[k]), step * 0.34, tall(before[k]), "bar faint"),
          box(left + k * step + step * 0.5, top + 84 - tall(after[k]), step * 0.34, tall(after[k]), k ? "bar" : "bar other"),
          text(left + (k + 0.5) * step, top + 100, name, k ? "axis" : "winner"),
          text(left + (k + 0.66) * step, top + 80 - tall(after[k]), shown(after[k], 2)),
        ];
      });
      const most = Math.max(2, ...losses);
      const curve = plane({ left, top: top + 134, width: rest, height: 76, x: [0, 20], y: [0, most * 1.08] });
      paint(
        w,
        narrow ? top + 236 : Math.max(size, 262),
        flat.frame,
        data.weights.map((at) => arrow(centre, flat.at(at), "faint")),
        arrow(centre, flat.at(data.word), "faint"),
        weights.map((at, k) => [arrow(centre, flat.at(at), k ? "soft" : "red"), tag(centre, flat.at(at), data.words[k], k ? "axis" : "winner")]),
        arrow(centre, flat.at(word), "blue"),
        tag(centre, flat.at(word), "the", "blue"),
        text(left, top - 8, "shares before (pale) and now", "start axis"),
        line(left, top + 84, w, top + 84, "base"),
        shares,
        text(left, top + 128, `loss after each step: now ${shown(losses.at(-1), 2)}`, "start axis"),
        curve.frame,
        path(losses.map((loss, k) => curve.at([k, loss])), "curve"),
        losses.map((loss, k) => circle(...curve.at([k, loss]), 3, "spot")),
      );
      return stepSaid(state, losses, before[0], after[0]);
    };
  },

  tokenizer(stage, { state }) {
    const decoder = new TextDecoder("utf-8");
    return ({ ids, merges }) => {
      const spell = (token) => (token < 256 ? [token] : [...spell(merges[2 * (token - 256)]), ...spell(merges[2 * (token - 256) + 1])]);
      const name = (token) => decoder.decode(new Uint8Array(spell(token))).replaceAll(" ", "␣").replaceAll("\ufffd", "▯");
      const chip = (words, id, kind = "") => html("span", { class: `mc-chip ${kind}` }, words, html("small", {}, String(id)));
      const words = wordsIn(state.text);
      const { pieces } = bytePairs(state.text, state.merges);
      const joins = rowsOf(merges, 2).map(([left, right], k) => html("li", {}, `${name(left)} + ${name(right)} → `, html("b", {}, name(256 + k))));
      stage.replaceChildren(
        html("p", { class: "mc-row-title" }, "words, and the id of each"),
        html("div", { class: "mc-chips" }, ...words.map((word, i) => chip(word, ids[i], `tone${ids[i] % 4}`))),
        html("p", { class: "mc-row-title" }, "pieces after the merges, and the id of each"),
        html("div", { class: "mc-chips" }, ...pieces.map((piece) => html("span", { class: "mc-piece" }, ...piece.map((token) => chip(name(token), token, token < 256 ? "" : `tone${token % 4}`))))),
        html("p", { class: "mc-row-title" }, "merges, in the order in which they were learned"),
        joins.length ? html("ol", { class: "mc-joins" }, ...joins) : html("p", { class: "mc-joins" }, "none yet: every byte is a piece of its own"),
      );
      if (!words.length) return "Type a text: a word or two is enough.";
      const next = bytePairs(state.text, state.merges + 1).merges;
      if (next.length <= merges.length / 2) return "No pair of neighbours occurs twice any more: there is nothing left to join.";
      const [left, right] = next.at(-1);
      return `The pair that occurs most often now: ${name(left)} and ${name(right)}. It is joined next.`;
    };
  },

  directions(stage, { state }) {
    const { width, paint } = sheet(stage);
    return ({ counts, spread, near: [near] }) => {
      const w = width();
      const most = Math.max(...counts);
      const step = (w - 8) / 21;
      paint(
        w,
        206,
        line(4, 170, w - 4, 170, "base"),
        counts.map((count, i) => box(4 + i * step + 1, 170 - (150 * count) / most, step - 2, (150 * count) / most, "bar")),
        line(w / 2, 8, w / 2, 170, "allowed"),
        [0, 45, 90, 135, 180].map((angle) => text(4 + step / 2 + ((w - 8 - step) * angle) / 180, 187, `${angle}°`, "axis")),
        text(4, 204, "same direction", "start axis"),
        text(w / 2, 204, "right angle", "axis"),
        text(w - 4, 204, "opposite", "end axis"),
      );
      return `${state.size.toLocaleString("en")} numbers: the cosines are about ${shown(spread[0], 3)} in size, 1/√d is ${shown(spread[1], 3)}. ${percent(near / 100)} of the 2,016 pairs are within 9° of a right angle.`;
    };
  },

  map(stage, { data, state }) {
    const { width, paint } = sheet(stage);
    const groups = [["dog", "puppy"], ["cat", "kitten"], ["king", "queen"]];
    const kinds = ["blue", "red", "green"];
    const group = (word) => groups.findIndex((pair) => pair.includes(word));
    return ({ places, apart, loss: [loss] }) => {
      const w = width();
      const height = Math.min(w * 0.72, 340);
      const reach = Math.max(1.6, ...places.map((v) => 1.12 * Math.abs(v)));
      const flat = plane({ left: 0, top: 0, width: w, height, x: [-1, 1].map((v) => (v * reach * w) / height), y: [-reach, reach] });
      const at = (word, pass) => flat.at(trained(data, state.begin, pass).embedding[data.words.indexOf(word)]);
      const trail = (word) => path(upTo(state.pass + 1).map((pass) => at(word, pass)), `curve thin ${kinds[group(word)]}`);
      paint(
        w,
        height,
        flat.frame,
        groups.flat().map(trail),
        rowsOf(places, 2).map((spot, i) => {
          const [word, k] = [data.words[i], group(data.words[i])];
          const [x, y] = flat.at(spot);
          const second = k >= 0 && groups[k][1] === word;
          return [
            circle(x, y, k < 0 ? 2.5 : 5, `dot ${kinds[k] ?? "soft"}`),
            text(x + (second ? -9 : 9), y + (second ? -5 : k < 0 ? 4 : 12), k < 0 && w < WIDE ? "" : word, `${second ? "end" : "start"} ${k < 0 ? "axis" : `strong ${kinds[k]}`}`),
          ];
        }),
      );
      return `Loss ${shown(loss, 2)}. From dog to puppy it is ${shown(apart[0], 2)}, from dog to queen ${shown(apart[3], 2)}. The lines are the ways that the words have gone.`;
    };
  },
};

/** What is said of the steps so far. */
function stepSaid(state, losses, before, after) {
  if (!state.steps) return "No step yet. The model gives “cat” less than it should: press “take a step”.";
  const last = losses.at(-1) - losses.at(-2);
  const moved = { both: "The word and all four weight vectors move", "only the word": "Only the word moves", "only the weights": "Only the weights move" }[state.moves];
  const share = `“cat” has gone from ${shown(before, 2)} to ${shown(after, 2)}`;
  return last > 0 ? `${moved}. The last step was too long: it raised the loss by ${shown(last, 2)}. ${share}.` : `${moved}. ${share}.`;
}
