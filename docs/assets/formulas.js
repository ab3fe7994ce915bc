// A formula that is wider than its column scrolls; what scrolls must be within reach of the keyboard.
const reach = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});

for (const formula of document.querySelectorAll("div.mc-math")) reach.observe(formula);
