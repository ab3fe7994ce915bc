// Numbers as the page shows them.

/** With so many decimals; nothing that rounds to 0 has a sign. */
export function shown(value, decimals = 2) {
  if (value === -Infinity) return "−∞";
  const digits = value.toFixed(decimals);
  return /[1-9]/u.test(digits) ? digits.replace("-", "−") : digits.replace("-", "");
}

/** With no more decimals than it needs. */
export const brief = (value, decimals = 2) => shown(Number(value.toFixed(decimals)), decimals).replace(/(\.\d*?)0+$/u, "$1").replace(/\.$/u, "");

/** Digits that may stand behind an operator: what is negative, in brackets. */
export const bracketed = (digits) => (digits.startsWith("−") ? `(${digits})` : digits);

export const factor = (value, decimals = 2) => bracketed(brief(value, decimals));

export const percent = (share) => `${shown(100 * share, 1)}\u00a0%`;

/** 1.2e-15 as 1.2 × 10⁻¹⁵. */
function scientific(value) {
  const raised = (power) => [...power].map((c) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(c)]).join("");
  return value.toExponential(1).replace(/e\+?(-?\d+)/u, (_, power) => ` × 10${raised(power)}`);
}

/** How far this page is from the values that the library gave to it, of the larger of 1 and their size. */
export function agreement(cases, compute, kind) {
  let most = 0;
  for (const one of cases) {
    const here = compute(one);
    for (const [name, list] of Object.entries(one.values)) {
      const mine = here[name].flat(2);
      for (const [i, value] of list.flat(2).entries()) most = Math.max(most, Math.abs(mine[i] - value) / Math.max(1, Math.abs(value)));
    }
  }
  return `Computed on this page. Largest difference from the library at ${cases.length} ${kind}: ${most === 0 ? "none" : scientific(most)}.`;
}
