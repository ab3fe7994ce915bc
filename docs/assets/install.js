// The line that installs mathcore from this very site: its address is known to the page alone.

for (const place of document.querySelectorAll(".mc-install")) {
  const wheel = new URL(place.dataset.wheel, location.href);
  place.querySelector("code").textContent = `pip install 'mathcore[verify] @ ${wheel}'`;
  place.querySelector(".mc-install-still").remove();
}
