// The index of claims: three menus and a search field over the plain table. Without this script the table stands as it is.

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
  return { element, verdict: cell(0), topic: cell(3), evidence: cell(4).split(", "), text: element.textContent.toLowerCase() };
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
