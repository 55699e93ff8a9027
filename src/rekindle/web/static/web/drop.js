// Files may be dropped beside the button that chooses them. The page works without this file.
"use strict";

for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector("input[type=file]");
  zone.classList.add("is-ready");
  const light = (on) => (event) => {
    event.preventDefault();
    zone.classList.toggle("is-over", on);
  };
  zone.addEventListener("dragenter", light(true));
  zone.addEventListener("dragover", light(true));
  zone.addEventListener("dragleave", light(false));
  zone.addEventListener("drop", (event) => {
    light(false)(event);
    if (event.dataTransfer.files.length) {
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}
