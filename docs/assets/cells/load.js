// Cells come to life where a page may start Python; elsewhere they say why they do not.

const cells = document.querySelectorAll(".mc-cell[data-python]");
const here = document.currentScript?.src;

function why() {
  if (location.protocol === "file:") return "This copy is read from a disk, where a browser lets no page start Python. On a server it runs.";
  if (!window.Worker || !window.WebAssembly) return "This browser cannot run Python: it has no workers or no WebAssembly.";
  return "";
}

if (cells.length) {
  const reason = why();
  if (reason) for (const cell of cells) cell.querySelector(".mc-cell-why").textContent = reason;
  else import(new URL("cells/page.js", here));
}
