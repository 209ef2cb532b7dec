// Whose reading is it: recent measurements, and putting right for whom they count.

import { byId, described, fill, follow, onCard, put, rounded, send, words } from "./common.js";

const REFRESH_MS = 10000;
let onlyUnattributed = true;
let openForm = null;

follow(() => {});
load();
setInterval(() => { if (!openForm) load(); }, REFRESH_MS);

async function load() {
  let found;
  try {
    const answer = await fetch("/api/readings");
    const data = await answer.json();
    if (!answer.ok) {
      put("refused", data[document.documentElement.lang === "en" ? "en" : "zh"]);
      return;
    }
    found = data.episodes;
  } catch {
    put("refused", words.page.lost);
    return;
  }
  const chosen = found.filter((one) => !onlyUnattributed || one.resident === null);
  const list = byId("episodes");
  list.setAttribute("aria-busy", "false");
  openForm = null;
  list.replaceChildren(...chosen.map(draw));
  if (!chosen.length) {
    const none = document.createElement("li");
    none.className = "card quiet";
    none.textContent = words.page.none_unattributed;
    list.append(none);
  }
}

function draw(one) {
  const item = byId("episode").content.cloneNode(true).firstElementChild;
  const part = (css) => item.querySelector(css);
  const until = one.count > 1 ? ` – ${time(one.last_ms, one.first_ms)}` : "";
  part(".when").textContent = `${time(one.first_ms)}${until} · ${one.device}`;
  const values = Object.entries(one.spans)
    .filter(([name]) => words.value[name] && name !== "perfusion_index_pct")
    .map(([name, [low, high]]) => {
      const span = low === high ? rounded(low) : `${rounded(low)}–${rounded(high)}`;
      return `${words.value[name].label} ${span} ${words.value[name].unit}`.trimEnd(); // an index has no unit
    });
  const said = described(one.words);
  const what = said ? `${words.kind[one.kind]}: ${[said, ...values].join(", ")}` : values.join(", ") || words.kind[one.kind];
  part(".what").textContent = `${what} (${one.count} ${words.page.times})`;
  part(".whose").textContent = `${words.page.counts_for}: ${one.resident ?? words.page.nobody}`;
  item.classList.toggle("unknown", one.resident === null);
  part(".back").hidden = one.resident === null;
  part(".back").addEventListener("click", () => change(one, null));
  openable(item, one);
  return item;
}

function openable(item, one) {
  const form = item.querySelector("form"), toggle = item.querySelector(".open");
  const show = (open) => {
    form.hidden = !open;
    toggle.hidden = open;
    toggle.setAttribute("aria-expanded", open);
    openForm = open ? form : null;
    (open ? form.elements.text : toggle).focus();
  };
  toggle.addEventListener("click", () => {
    if (openForm) openForm.querySelector(".close").click();
    show(true);
  });
  form.querySelector(".close").addEventListener("click", () => show(false));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    change(one, form.elements.text.value);
  });
}

async function change(one, text) {
  const { stream, device, kind, first_seq, last_seq, resident } = one;
  const answer = await send("/api/attribute", {
    stream, device, kind, first_seq, last_seq, counts_for: resident, text,
  });
  put("refused", answer.ok ? "" : answer.text);
  put("said", "");
  if (!answer.ok) {
    if (openForm) openForm.elements.text.select();
    return;
  }
  const { corrected } = answer.data;
  put("said", corrected ? fill(words.answer.attributed, corrected) : words.answer.same_resident);
  await load();
  document.querySelector("h1").focus();
}

function time(ms, since = null) {
  const clock = { hour: "2-digit", minute: "2-digit", hour12: false };
  const day = { month: "2-digit", day: "2-digit" };
  const at = new Date(ms);
  const sameDay = since !== null && new Date(since).toDateString() === at.toDateString();
  return at.toLocaleString(document.documentElement.lang, sameDay ? clock : { ...day, ...clock });
}

function filter(only) {
  onlyUnattributed = only;
  byId("only").setAttribute("aria-pressed", only);
  byId("every").setAttribute("aria-pressed", !only);
  load();
}

byId("only").addEventListener("click", () => filter(true));
byId("every").addEventListener("click", () => filter(false));
onCard((text) => {
  if (openForm) {
    openForm.elements.text.value = text;
    openForm.requestSubmit();
  } else {
    put("refused", words.page.choose_first);
  }
});
