// The list renews itself when something on it has changed. Without this it is renewed every minute.
"use strict";
const at = document.querySelector("[data-live]");
const source = new EventSource(at.dataset.live);
source.addEventListener("changed", () => { source.close(); location.reload(); });
// A page that comes back from the background may have missed a change.
document.addEventListener("visibilitychange", () => { if (!document.hidden) location.reload(); });
