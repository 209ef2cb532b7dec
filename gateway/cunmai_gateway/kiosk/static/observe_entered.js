// What was entered in this visit.

import { byId, described, make, words } from "./common.js";

const clock = (ms) => new Date(ms).toLocaleTimeString(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", hour12: false });
let drawn = "";

export function entered(list) {
  const text = JSON.stringify(list);
  if (text === drawn) return;
  drawn = text;
  byId("entered").hidden = list.length === 0;
  byId("entered-list").replaceChildren(...list.map((one) => make("li", "", `${clock(one.t_ms)} ${words.kind[one.kind]}: ${described(one.values)}`)));
}
