// What is folded opens when a link leads into it.

function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  let opened = false;
  for (let fold = target.closest("details:not([open])"); fold; fold = target.closest("details:not([open])")) {
    fold.open = opened = true;
  }
  if (opened) target.scrollIntoView();
}

// A page that was divided still has its old anchors, each with a link to where the thing is now.
function follow() {
  const moved = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const link = moved && moved.matches("[data-moved]") && moved.querySelector("a[href]");
  if (link) location.replace(link.href);
}

for (const step of [follow, unfold]) {
  step();
  addEventListener("hashchange", step);
}
