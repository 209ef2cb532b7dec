// The clinic's own status: people waiting, free beds, days of medicine.

import { byId, follow, newKey, number, onCard, put, send, words } from "./common.js";

follow(() => {});
let key = newKey();

byId("site").addEventListener("submit", async (event) => {
  event.preventDefault();
  const report = { key }, stock = {};
  let wrong = null;
  for (const field of event.target.querySelectorAll("input")) {
    const value = number(field);
    field.setAttribute("aria-invalid", value === null);
    if (value === null) wrong ??= field;
    else if (value !== undefined && field.dataset.medicine) stock[field.dataset.medicine] = value;
    else if (value !== undefined) report[field.name] = value;
  }
  if (Object.keys(stock).length) report.stock_days = stock;
  put("said", "");
  if (wrong) {
    put("refused", words.answer.bad_number);
    wrong.focus();
    return;
  }
  const answer = await send("/api/site-status", report);
  put("refused", answer.ok ? "" : answer.text);
  if (!answer.ok) return;
  put("said", words.answer.reported);
  byId("site").reset();
  key = newKey();
});

// A card here means that somebody wants to be measured.
onCard(async (text) => {
  const answer = await send("/api/check-in", { text });
  if (answer.ok) location.assign(document.querySelector("nav a").href);
  else put("refused", answer.text);
});
