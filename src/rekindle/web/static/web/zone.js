// Chooses the time zone of this browser where a form still says UTC. The form works the same without it.
"use strict";

(() => {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  for (const select of document.querySelectorAll("select[data-zone]")) {
    const isKnown = [...select.options].some((option) => option.value === zone);
    if (isKnown && select.value === "UTC") select.value = zone;
  }
})();
