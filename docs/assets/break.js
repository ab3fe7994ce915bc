// "Break it": one wrong implementation at a time, chosen from a menu. Without this script they are a list that opens.

/** Shows the chosen one and says how many claims it turns red. */
function choose(panel, index) {
  const all = [...panel.querySelectorAll("details[data-wrong]")];
  for (const [i, one] of all.entries()) {
    one.classList.toggle("chosen", i === index);
    one.open = i === index;
  }
  return all[index].querySelector(".mc-label").textContent;
}

for (const panel of document.querySelectorAll(".mc-break")) {
  const menu = panel.querySelector("select");
  menu.addEventListener("change", () => {
    panel.querySelector("[role=status]").textContent = choose(panel, menu.selectedIndex);
  });
  choose(panel, menu.selectedIndex); // a browser that comes back to the page remembers the choice
}
