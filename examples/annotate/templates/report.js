"use strict";
// All works without this: it closes with Escape, keeps the focus where it was, and opens the
// still of a band.
document.documentElement.classList.add("js");
let opener = null;
const opened = () => {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  return target && target.matches(".still, figure") ? target : null;
};
const close = () => opened()?.querySelector(".close").click();
document.addEventListener("click", (event) => {
  const band = event.target.closest("[data-still]");
  const link = event.target.closest("a[href^='#']");
  if (link && !link.matches(".close")) opener = link;
  if (band) { opener = null; location.hash = band.dataset.still; }
});
window.addEventListener("hashchange", () => {
  const still = opened();
  if (still) still.querySelector(".close").focus();
  else if (opener) { opener.focus(); opener = null; }
});
document.addEventListener("keydown", (event) => {
  const still = opened();
  if (!still) return;
  if (event.key === "Escape") close();
  if (event.key === "Tab") {
    // Within the still there is nothing else to go to.
    event.preventDefault();
    still.querySelector(".close").focus();
  }
});
