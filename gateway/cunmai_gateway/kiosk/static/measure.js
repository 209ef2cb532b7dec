// The measurement: who, put the finger in, the live value until it has settled, the result.

import { byId, fill, follow, make, put, rounded, words } from "./common.js";
import { takeWho } from "./who.js";

const STEPS = ["who", "insert", "measuring", "result"];
const RING = 553;
let shown = "";

follow((state) => {
  step(state);
  visit(state);
  if (state.step === "who") who(state);
  if (state.step === "insert") put("insert-device", insertText(state));
  if (state.step === "measuring") measuring(state);
  if (state.step === "result") result(state);
});

function step(state) {
  if (state.step === shown) return;
  const first = shown === "";
  shown = state.step;
  for (const name of STEPS) byId(`step-${name}`).hidden = name !== shown;
  for (const item of document.querySelectorAll(".steps li")) {
    if (item.dataset.step === shown) item.setAttribute("aria-current", "step");
    else item.removeAttribute("aria-current");
    item.classList.toggle("past", STEPS.indexOf(item.dataset.step) < STEPS.indexOf(shown));
  }
  if (shown === "who") {
    byId("text").value = "";
    // Without a keyboard the screen's own would cover half the page.
    if (matchMedia("(pointer: fine)").matches) byId("text").focus();
  } else {
    put("refused", "");
    // Not a button: the next Enter would press it.
    if (!first && document.activeElement !== byId("finish")) byId(`step-${shown}`).querySelector("h1").focus();
  }
}

function visit(state) {
  byId("visit").hidden = state.session === null;
  if (state.session === null) return;
  put("resident", state.session.resident);
  const waiting = state.signal !== "measuring";
  put("ends", waiting ? fill(words.page.ends_in, state.session.ends_in_s) : "");
  byId("stay").hidden = !waiting;
  // The large blue button is what comes next; before there is a result, that is not the end.
  byId("finish").classList.toggle("plain", state.step !== "result");
}

function who(state) {
  put("ended", state.ended ? words.ended[state.ended.reason] : "");
  const spo2 = state.values.spo2_pct;
  const stray = state.signal === "measuring" && spo2 !== undefined;
  byId("stray").hidden = !stray;
  if (stray) put("stray-value", `${words.page.spo2} ${rounded(spo2)} %`);
  put("who-device", stray || state.signal === "nobody" ? "" : (words.hint[state.hint] ?? ""));
}

function insertText(state) {
  if (state.mine.kept > 0 && state.signal === "nobody") return words.page.again;
  return words.hint[state.hint] ?? "";
}

function measuring(state) {
  const spo2 = state.values.spo2_pct, pulse = state.values.pulse_bpm;
  put("spo2", spo2 === undefined ? "–" : `${rounded(spo2)}%`);
  put("pulse", pulse === undefined ? "–" : rounded(pulse));
  put("measuring-hint", words.hint[state.hint] ?? "");
  const ring = byId("ring");
  ring.classList.toggle("unsure", !state.sound);
  ring.setAttribute("aria-valuenow", Math.round(state.progress.share * 100));
  byId("ring-done").setAttribute("stroke-dashoffset", RING * (1 - state.progress.share));
}

// -- the result ----------------------------------------------------------------------------------

const GRAVEST = ["call", "tell", "repeat", "unknown", "usual"];
let drawn = "";

function result(state) {
  put("mine", fill(words.delivery[state.mine.delivery], state.mine.waiting));
  byId("mine").dataset.delivery = state.mine.delivery;
  const advice = GRAVEST.find((one) => state.results.some((result) => result.advice === one)) ?? "unknown";
  put("next", words.next[advice]);
  const text = JSON.stringify(state.results);
  if (text === drawn) return;
  drawn = text;
  byId("results").replaceChildren(...state.results.map(drawResult));
}

function drawResult(one) {
  const item = make("li", "result");
  item.dataset.advice = one.advice;
  const values = make("dl", "values");
  for (const [name, value] of Object.entries(one.values)) {
    const known = words.value[name];
    if (!known) continue;
    const number = make("dd", "", rounded(value));
    number.append(make("small", "", ` ${known.unit}`));
    const pair = make("div");
    pair.append(make("dt", "quiet", known.label), number);
    values.append(pair);
  }
  const mark = make("span", "mark", words.mark[one.advice]);
  mark.setAttribute("aria-hidden", "true");
  const advice = make("p", "advice");
  advice.append(mark, make("span", "", words.advice[one.advice]));
  item.append(make("h2", "", words.kind[one.kind] ?? ""), values, advice);
  return item;
}

// -- buttons and the card ------------------------------------------------------------------------

takeWho();
// Typing with nothing in the focus goes to the field, so that nobody has to click it first.
document.addEventListener("keydown", (event) => {
  const typed = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.altKey && !event.metaKey;
  if (typed && shown === "who" && document.activeElement !== byId("text")) byId("text").focus();
});
