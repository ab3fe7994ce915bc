// A formula or a table that is wider than its column scrolls; what scrolls must be within reach of the keyboard.
const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

// The theme wraps tables while the page loads, and a font that comes late makes a formula wider, not its box.
addEventListener("load", async () => {
  await document.fonts.ready;
  for (const wide of document.querySelectorAll("div.mc-math, .md-typeset__scrollwrap")) reach.observe(wide);
});
