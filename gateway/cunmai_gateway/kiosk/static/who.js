// Who is here, on every page that needs to know: the card, the field, "finish" and "stay".

import { byId, onCard, put, send } from "./common.js";

async function checkIn(text) {
  const answer = await send("/api/check-in", { text });
  byId("text").value = "";
  put("refused", answer.ok ? "" : answer.text);
}

async function press(path) {
  const answer = await send(path, {});
  put("refused", answer.ok ? "" : answer.text);
}

/** The page has the form `who` with the field `text`, the place `refused`, and both buttons. */
export function takeWho() {
  onCard(checkIn);
  byId("who").addEventListener("submit", (event) => {
    event.preventDefault();
    checkIn(byId("text").value);
  });
  byId("finish").addEventListener("click", () => press("/api/check-out"));
  byId("stay").addEventListener("click", () => press("/api/stay"));
}
