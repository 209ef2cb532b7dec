// What all pages share: the words, the API, the live state, the card reader that types.

export const words = JSON.parse(document.getElementById("words").textContent);
export const lang = document.documentElement.lang === "en" ? "en" : "zh";
export const byId = (id) => document.getElementById(id);
export const fill = (text, n) => text.replace("{n}", n);
export const rounded = (value) => String(Number(value.toFixed(1)));

/** Text into an element, only when it changed: a screen reader speaks each change. */
export function put(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

/** {ok: true, data}, or {ok: false, text}: the sentence to show. */
export async function send(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Cunmai-Kiosk": "1" },
      body: JSON.stringify(body),
    });
    const data = await answer.json();
    return answer.ok ? { ok: true, data } : { ok: false, text: data[lang] };
  } catch {
    return { ok: false, text: words.page.lost };
  }
}

/** Sent twice under one key, an entry is taken once. (randomUUID() is missing outside secure contexts.) */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The number in a field; undefined where it is empty, null where it may not be sent. */
export function number(field) {
  if (field.value === "" && !field.validity.badInput) return undefined;
  return field.validity.valid ? Number(field.value) : null;
}

/** Values by name, in words: numbers with their units, and what was chosen. */
export function described(values) {
  return Object.entries(values).map(([name, value]) => {
    const known = words.value[name];
    return words.choice[name]?.[String(value)] ?? (known ? `${known.label} ${value} ${known.unit}`.trimEnd() : "");
  }).filter(Boolean).join(", ");
}

// -- live state ----------------------------------------------------------------------------------

const SILENT_MS = 4000;
const POLL_MS = 2000;

/** Calls `show(state)` for every state; the footer and the banners of all pages are kept here. */
export function follow(show) {
  let heard = performance.now();
  const take = (state) => {
    heard = performance.now();
    document.body.classList.remove("lost");
    byId("lost").hidden = true;
    frame(state);
    show(state);
  };
  const events = new EventSource("/api/live");
  events.onmessage = (event) => take(JSON.parse(event.data));
  setInterval(async () => {
    if (events.readyState !== EventSource.CLOSED) return;
    try {
      take(await (await fetch("/api/state")).json());
    } catch { /* the watch below shows it */ }
  }, POLL_MS);
  setInterval(() => {
    if (performance.now() - heard < SILENT_MS) return;
    document.body.classList.add("lost");
    put("lost", words.page.lost);
    byId("lost").hidden = false;
  }, 500);
}

function frame(state) {
  prompts(state.prompts);
  const problem = state.all.delivery === "not_kept";
  put("disk", problem ? words.delivery.not_kept : "");
  byId("disk").hidden = !problem;
  const all = state.all.delivery === "uploaded" ? "all_uploaded" : state.all.delivery;
  put("delivery", fill(words.delivery[all], state.all.waiting));
  byId("delivery").dataset.delivery = state.all.delivery;
  put("link", words.delivery[state.all.up ? "link_up" : "link_down"]);
  byId("link").dataset.up = state.all.up;
  const badge = byId("badge");
  badge.hidden = state.unattributed === 0;
  put("badge", state.unattributed > 99 ? "99+" : String(state.unattributed));
  badge.title = `${state.unattributed} ${words.page.unattributed_badge}`;
}

// -- what the rules ask for ----------------------------------------------------------------------

let asked = "";

function prompts(shown) {
  const ids = shown.map((one) => one.id).join(" ");
  const box = byId("prompts");
  if (ids !== asked) {
    asked = ids;
    box.replaceChildren(...shown.map(prompt));
  }
  // Outside what is announced: a screen reader does not count the seconds.
  shown.forEach((one, index) => {
    const rest = box.children[index].querySelector(".rest");
    rest.textContent = one.rest_s === null ? "" : one.rest_s > 0
      ? words.page.prompt_rest.replace("{t}", minutes(one.rest_s)) : words.page.prompt_rested;
  });
}

function prompt(one) {
  const section = make("section", "prompt");
  const button = make("button", "", words.page.prompt_done);
  button.type = "button";
  button.addEventListener("click", async () => {
    button.disabled = true;
    const answer = await send("/api/dismiss", { id: one.id });
    button.disabled = answer.ok;
  });
  const rest = make("p", "rest");
  rest.setAttribute("aria-live", "off");
  const said = make("div");
  said.append(make("h2", "", words.page.prompt_title), make("p", "asks", one[lang]), rest);
  section.append(said, button);
  return section;
}

const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;

/** A new element with a class and a text. */
export function make(name, css = "", text = "") {
  const made = document.createElement(name);
  if (css) made.className = css;
  made.textContent = text;
  return made;
}

// -- a card reader that types --------------------------------------------------------------------

const FASTEST_HAND_MS = 60;
const LEAST_CHARS = 4;

/** The character of a key, also where an input method swallows it. */
function character(event) {
  if (event.key.length === 1) return event.key;
  if (event.key !== "Process" && event.keyCode !== 229) return "";
  const found = /^(?:Digit|Numpad)(\d)$|^Key([A-Z])$|^Minus$/.exec(event.code);
  return found ? (found[1] ?? found[2] ?? "-") : "";
}

const editable = (element) => element instanceof HTMLInputElement;

/** Calls `take(text)` when a reader has typed a card: fast characters and Enter, whatever has the focus. */
export function onCard(take) {
  let text = "", last = 0, field = null, before = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const gap = event.timeStamp - last;
    if (event.key === "Enter") {
      const card = gap <= 2 * FASTEST_HAND_MS && text.length >= LEAST_CHARS ? text : "";
      text = "";
      if (!card) return;
      // The focus may be on a button, which Enter would press, or in another field, which now holds the card.
      event.preventDefault();
      event.stopImmediatePropagation();
      if (field) field.value = before;
      take(card);
      return;
    }
    const char = character(event);
    if (!char) return;
    if (gap > FASTEST_HAND_MS || text.length > 300) {
      text = "";
      field = editable(document.activeElement) ? document.activeElement : null;
      before = field ? field.value : "";
    }
    text += char;
    last = event.timeStamp;
  }, true);
}
