// Counting breaths on the page: a large button for each breath, and the seconds that are left.

import { Breaths } from "./breaths.js";
import { byId, fill, put, words } from "./common.js";

let breaths = null;
let somebodyIsThere = () => {};

/** `stay` is called while somebody counts: their visit must not end meanwhile. */
export function counter(stay) {
  somebodyIsThere = stay;
  setInterval(() => { if (breaths) { stay(); drawCount(); } }, 200);
}

function drawCount() {
  const nowMs = performance.now();
  put("left", fill(words.page.count_left, breaths.leftSeconds(nowMs)));
  put("breaths", fill(words.page.count_so_far, breaths.count));
  if (breaths.over(nowMs)) finishCounting();
}

/** Everything stays where it was: a last tap must not land on another button. */
function finishCounting() {
  const { count, seconds } = breaths, rate = breaths.perMinute();
  breaths = null;
  byId("tap").disabled = true;
  byId("tap").textContent = words.page.count_over;
  byId("stop").classList.add("unseen");
  canBegin(true);
  put("counted", count ? fill(words.page[`count_${seconds}_done`], count) : words.page.count_none);
  byId("rate-value").value = count ? String(rate) : "";
}

export function stopCounting() {
  breaths = null;
  byId("counting").hidden = true;
  canBegin(true);
}

function canBegin(can) {
  for (const button of document.querySelectorAll("[data-seconds]")) button.disabled = !can;
}

for (const button of document.querySelectorAll("[data-seconds]")) {
  button.addEventListener("click", () => {
    somebodyIsThere();
    breaths = new Breaths(Number(button.dataset.seconds), performance.now());
    put("counted", "");
    byId("rate-value").value = "";
    canBegin(false);
    byId("counting").hidden = false;
    byId("stop").classList.remove("unseen");
    const tap = byId("tap");
    tap.disabled = false;
    tap.textContent = words.page.count_tap;
    tap.focus();
    drawCount();
  });
}
byId("stop").addEventListener("click", stopCounting);
// On the way down: a finger that slides a little makes no click. A key that is held down repeats: once.
byId("tap").addEventListener("pointerdown", (event) => {
  if (event.button === 0) tapped();
});
byId("tap").addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  if (!event.repeat) tapped();
});
// A screen reader presses without a pointer and without a key.
byId("tap").addEventListener("click", (event) => {
  if (event.detail === 0) tapped();
});

function tapped() {
  if (!breaths) return;
  breaths.tap(performance.now());
  drawCount();
}
