// The clinic's recent exams, to choose the one that has been read: by its time, never by a name.

import { byId, fill, make, words } from "./common.js";

const EXAMS_EVERY_MS = 15000;

export const chosen = (form, name) => form.querySelector(`input[name="${name}"]:checked`)?.value;

/** List them now and from time to time; never under the hand of whoever is choosing. */
export function listExams() {
  exams();
  setInterval(() => { if (!byId("exam").contains(document.activeElement)) exams(); }, EXAMS_EVERY_MS);
}

export async function exams() {
  let found;
  try {
    const answer = await fetch("/api/exams");
    if (!answer.ok) return;
    found = (await answer.json()).exams;
  } catch {
    return;
  }
  byId("exam-none").hidden = found.length > 0;
  byId("exam-some").hidden = found.length === 0;
  const kept = chosen(byId("exam"), "study_uid");
  const group = byId("exams"), legend = group.querySelector("legend");
  group.replaceChildren(legend, ...found.map((one) => drawExam(one, one.study_uid === kept)));
}

function drawExam(one, checked) {
  const label = make("label", "choice wide"), input = make("input"), said = make("span");
  Object.assign(input, { type: "radio", name: "study_uid", value: one.study_uid, checked });
  const at = new Date(one.t_ms).toLocaleString(document.documentElement.lang, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false });
  const parts = [at, one.body_part, fill(words.page.exam_images, one.images), one.resident ?? words.page.nobody];
  if (one.report) parts.push(words.choice.status[one.report]);
  said.textContent = parts.filter(Boolean).join(" · ");
  label.append(input, said);
  return label;
}
