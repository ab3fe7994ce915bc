// The index of claims: three menus and a search field over the plain tables. Without this script they stand as they are.

/** Whether a row is wanted: every choice that is not empty must fit. */
export function matches(row, wanted) {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  return (
    (!wanted.verdict || row.verdict === wanted.verdict) &&
    (!wanted.topic || row.topic === wanted.topic) &&
    (!wanted.evidence || row.evidence.includes(wanted.evidence)) &&
    words.every((word) => row.text.includes(word))
  );
}

/** The distinct values, in order. */
export function choices(values) {
  return [...new Set(values)].sort();
}

function read(element) {
  const cell = (i) => element.cells[i].textContent.trim();
  const { topic } = element.closest("[data-topic]").dataset;
  return { element, verdict: cell(0), topic, evidence: cell(3).split(", "), text: element.textContent.toLowerCase() };
}

/** Of the topics only those with something to see, and these open, once anything is wanted. */
function unfold(folds, anything) {
  for (const fold of folds) {
    const some = fold.querySelector("tbody tr:not([hidden])") !== null;
    fold.hidden = !some;
    if (anything || fold.dataset.opened) fold.open = anything;
    if (anything) fold.dataset.opened = "here";
    else delete fold.dataset.opened;
  }
}

function menu(name, values) {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.name = name;
  select.append(new Option(`any ${name}`, ""), ...values.map((value) => new Option(value, value)));
  label.append(`${name[0].toUpperCase()}${name.slice(1)}`, select);
  return label;
}

function search() {
  const label = document.createElement("label");
  const input = document.createElement("input");
  Object.assign(input, { type: "search", name: "text", placeholder: "softmax, overflow, …" });
  label.append("Words", input);
  return label;
}

function start(index) {
  const rows = [...index.querySelectorAll("tbody tr")].map(read);
  const form = document.createElement("form");
  form.className = "mc-filter";
  const count = document.createElement("output");
  form.append(
    menu("verdict", choices(rows.map((row) => row.verdict))),
    menu("topic", choices(rows.map((row) => row.topic))),
    menu("evidence", choices(rows.flatMap((row) => row.evidence))),
    search(),
    count,
  );
  const update = () => {
    const wanted = Object.fromEntries(new FormData(form));
    for (const row of rows) row.element.hidden = !matches(row, wanted);
    const shown = rows.filter((row) => !row.element.hidden).length;
    count.textContent = `${shown} of ${rows.length} claims`;
    unfold(index.querySelectorAll("[data-topic]"), Object.values(wanted).some(Boolean));
    const chosen = new URLSearchParams(Object.entries(wanted).filter(([, value]) => value));
    history.replaceState(null, "", `${location.pathname}${chosen.size ? `?${chosen}` : ""}${location.hash}`);
  };
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (form.elements[name]) form.elements[name].value = value;
  }
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  index.before(form);
  update();
}

const index = document.querySelector(".mc-index");
if (index) start(index);
