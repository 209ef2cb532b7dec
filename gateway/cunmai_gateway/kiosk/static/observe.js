// What a person has observed: breaths, consciousness, oxygen, a follow-up, an exam that has been read.

import { byId, fill, follow, newKey, number, put, send, words } from "./common.js";
import { counter, stopCounting } from "./observe_breaths.js";
import { entered } from "./observe_entered.js";
import { chosen, exams, listExams } from "./observe_exams.js";
import { takeWho } from "./who.js";

const PERSONAL = ["rate", "seen", "follow"];
const STAY_EVERY_MS = 15000;
let visit = null;
let stayedMs = -Infinity;

counter(stay);
listExams();

follow((state) => {
  begin(state.session);
  if (state.session) {
    put("resident", state.session.resident);
    put("ends", fill(words.page.ends_in, state.session.ends_in_s));
  }
  entered(state.entered);
});

/** Another visit, or none: what was filled in for the last one is gone with it. */
function begin(session) {
  const began = session?.began_ms ?? 0;
  if (began === visit) return;
  const first = visit === null, ended = visit > 0;
  visit = began;
  stopCounting();
  for (const id of PERSONAL) empty(id);
  byId("visit").hidden = began === 0;
  byId("somebody").hidden = began === 0;
  byId("nobody").hidden = began !== 0;
  put("ended", began === 0 && ended ? words.page.observe_ended : "");
  put("refused", "");
  if (!first) (began ? byId("title") : byId("nobody").querySelector("h1")).focus();
}

function empty(id) {
  const form = byId(id);
  form.reset();
  for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
  put(`${id}-refused`, "");
  put(`${id}-said`, "");
  if (id === "rate") put("counted", "");
  tidy(form);
}

// -- staying: the visit must not end while somebody counts or fills in -----------------------------

function stay() {
  const nowMs = performance.now();
  if (!visit || nowMs - stayedMs < STAY_EVERY_MS) return;
  stayedMs = nowMs;
  send("/api/stay", {});
}

// -- choices: nothing is chosen beforehand, and a choice can be taken back --------------------------

function tidy(form) {
  for (const group of form.querySelectorAll(".choose")) {
    const clear = group.querySelector(".clear");
    if (clear) clear.hidden = !group.querySelector("input:checked");
  }
  if (form.id !== "seen") return;
  const oxygen = chosen(form, "on_oxygen") === "true";
  byId("flow-line").hidden = !oxygen;
  if (!oxygen) byId("flow").value = "";
}

for (const form of document.querySelectorAll("form[data-path]")) {
  form.addEventListener("input", () => {
    stay();
    put(`${form.id}-said`, "");
    put(`${form.id}-refused`, "");
    tidy(form);
  });
}
for (const clear of document.querySelectorAll(".clear")) {
  clear.addEventListener("click", () => {
    const group = clear.closest(".choose");
    for (const choice of group.querySelectorAll("input:checked")) choice.checked = false;
    tidy(clear.form);
    group.querySelector("input").focus();
  });
}

// -- saving ------------------------------------------------------------------------------------------

/** The same content sent again before it was answered goes under the same key, also after a reload. */
function keyOf(path, body) {
  const text = JSON.stringify(body);
  const waiting = JSON.parse(sessionStorage.getItem(path) ?? "null");
  if (waiting?.text === text) return waiting.key;
  const key = newKey();
  sessionStorage.setItem(path, JSON.stringify({ text, key }));
  return key;
}

async function save(form, body) {
  const path = form.dataset.path, button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  button.disabled = true;
  const answer = await send(`/api/${path}`, { ...body, key: keyOf(path, body) });
  button.disabled = false;
  if (answer.ok) {
    sessionStorage.removeItem(path);
    empty(form.id);
    if (form.id === "exam") exams();
  }
  put(`${form.id}-refused`, answer.ok ? "" : answer.text);
  put(`${form.id}-said`, answer.ok ? words.answer[answer.data.new ? "reported" : "already"] : "");
}

function wrong(form, code, field) {
  put(`${form.id}-said`, "");
  put(`${form.id}-refused`, words.answer[code]);
  if (!field) return;
  field.setAttribute("aria-invalid", "true");
  field.focus();
}

function onSave(id, bodyOf) {
  byId(id).addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    for (const field of form.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
    const body = bodyOf(form);
    if (body) save(form, body);
  });
}

onSave("rate", (form) => {
  const field = byId("rate-value"), value = number(field);
  if (value === undefined || value === null) return wrong(form, "bad_rate", field);
  return { began_ms: visit, respiratory_rate_per_min: value };
});

onSave("seen", (form) => {
  const body = { began_ms: visit };
  const consciousness = chosen(form, "consciousness");
  if (consciousness) body.consciousness = consciousness;
  for (const name of ["on_oxygen", "febrile_or_crying"]) {
    const answer = chosen(form, name);
    if (answer) body[name] = answer === "true";
  }
  const flow = number(byId("flow"));
  if (flow === null) return wrong(form, "bad_flow", byId("flow"));
  if (flow !== undefined) body.oxygen_flow_l_min = flow;
  if (Object.keys(body).length === 1) return wrong(form, "nothing_entered");
  return body;
});

onSave("follow", (form) => {
  const method = chosen(form, "method");
  return method ? { began_ms: visit, method } : wrong(form, "choose_method");
});

onSave("exam", (form) => {
  const study_uid = chosen(form, "study_uid"), status = chosen(form, "status");
  return study_uid && status ? { study_uid, status } : wrong(form, "choose_exam");
});

// -- who -----------------------------------------------------------------------------------------------

takeWho();
