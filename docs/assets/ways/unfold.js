// What is folded opens: where a link leads into it, and on paper.

/** What the address points at, if it is on this page. */
function target() {
  try {
    return location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return null; // a stray % in an address is no anchor
  }
}

function unfold() {
  const place = target();
  if (!place) return;
  let opened = false;
  for (let fold = place.closest("details:not([open])"); fold; fold = place.closest("details:not([open])")) {
    fold.open = opened = true;
  }
  if (opened) place.scrollIntoView();
}

/** A page that was divided still has its old anchors, each with a link to where the thing is now. */
function follow() {
  const place = target();
  const link = place && place.matches("[data-moved]") && place.querySelector("a[href]");
  if (link) location.replace(link.href);
}

for (const step of [follow, unfold]) {
  step();
  addEventListener("hashchange", step);
}

let closed = []; // before printing, and again afterwards
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});
