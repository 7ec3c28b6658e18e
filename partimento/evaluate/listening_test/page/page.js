"use strict";
// One rater, one task at a time. The server keeps everything; this page remembers only the language and the rater's name.

const ENOUGH_S = 3; // of a clip, or all of a shorter one, before an answer can be given
const $ = (id) => document.getElementById(id);
const clips = { a: $("a"), b: $("b") };
let texts = {};
let language = "en";
let rater = "";
let state = null;

function remembered(key) {
  try { return localStorage.getItem(key) || ""; } catch { return ""; }
}

function remember(key, value) {
  try { localStorage.setItem(key, value); } catch { /* a private window: nothing is kept */ }
}

function say(key, values = {}) {
  return texts[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function speak(chosen) {
  language = chosen in texts ? chosen : "en";
  remember("language", language);
  document.documentElement.lang = language;
  document.title = say("title");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of document.querySelectorAll("[data-language]")) {
    node.setAttribute("aria-pressed", String(node.dataset.language === language));
  }
  $("instructions").replaceChildren(...texts[language].instructions.map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  }));
  if (state) $("count").textContent = say("count", state);
  $("status").textContent = "";
  refresh();
}

function show(section) {
  for (const id of ["welcome", "task", "finished"]) $(id).hidden = id !== section;
}

function heardSeconds(clip) {
  let total = 0;
  for (let i = 0; i < clip.played.length; i += 1) total += clip.played.end(i) - clip.played.start(i);
  return total;
}

function heardEnough(clip) {
  return clip.ended || (clip.duration > 0 && heardSeconds(clip) >= Math.min(ENOUGH_S, clip.duration - 0.1));
}

function chosen() {
  const input = document.querySelector("input[name=answer]:checked");
  return input ? Number(input.value) : null;
}

// What may be done now, and what is missing.
function refresh() {
  if (!state || !state.task) return;
  const heard = { a: clips.a.dataset.heard === "yes", b: clips.b.dataset.heard === "yes" };
  for (const side of ["a", "b"]) clips[side].parentElement.classList.toggle("heard", heard[side]);
  const both = heard.a && heard.b;
  $("answers").disabled = !both;
  $("next").disabled = !both || chosen() === null;
  const missing = both ? (chosen() === null ? "waitAnswer" : "") : heard.a ? "waitB" : heard.b ? "waitA" : "waitBoth";
  $("wait").textContent = missing ? say(missing) : "";
}

function present(next) {
  state = next;
  $("bar").max = state.total;
  $("bar").value = state.done;
  $("count").textContent = say("count", state);
  $("status").textContent = "";
  if (!state.task) {
    for (const clip of Object.values(clips)) clip.removeAttribute("src");
    show("finished");
    $("thanks").focus();
    return;
  }
  $("answer").reset();
  $("caption").textContent = state.task.caption;
  for (const side of ["a", "b"]) {
    clips[side].dataset.heard = "no";
    clips[side].src = state.task[side];
    clips[side].load();
  }
  show("task");
  refresh();
  $("question").focus();
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ rater, ...body }),
  });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error || answer.statusText);
  return data;
}

async function send(path, body, button) {
  button.disabled = true;
  try {
    present(await post(path, body));
  } catch (error) {
    $("status").textContent = say("unsaved", { reason: error.message });
  }
  button.disabled = false;
  refresh();
}

$("start").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = $("rater").value.trim();
  if (!rater) return;
  remember("rater", rater);
  send("/api/start", {}, event.submitter || event.target.querySelector("button"));
});

$("answer").addEventListener("submit", (event) => {
  event.preventDefault();
  if ($("next").disabled) return;
  for (const clip of Object.values(clips)) clip.pause();
  send("/api/rate", {
    pair: state.task.pair, answer: chosen(), reason: $("reason").value, language,
    heard_a_s: heardSeconds(clips.a), heard_b_s: heardSeconds(clips.b),
  }, $("next"));
});

$("answers").addEventListener("change", refresh);

for (const [side, clip] of Object.entries(clips)) {
  const other = side === "a" ? clips.b : clips.a;
  const check = () => {
    if (clip.dataset.heard !== "yes" && heardEnough(clip)) {
      clip.dataset.heard = "yes";
      refresh();
    }
  };
  clip.addEventListener("play", () => other.pause());
  for (const name of ["timeupdate", "ended", "pause"]) clip.addEventListener(name, check);
  clip.addEventListener("error", () => {
    if (clip.getAttribute("src")) $("status").textContent = say("unplayable");
  });
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("textarea, input:not([type=radio])");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !state || !state.task) return;
  const key = event.key.toLowerCase();
  if (key in clips) {
    event.preventDefault();
    if (clips[key].paused) clips[key].play().catch(() => { $("status").textContent = say("unplayable"); });
    else clips[key].pause();
  } else if ("12345".includes(key) && key !== "" && !$("answers").disabled) {
    event.preventDefault();
    const input = document.querySelectorAll("input[name=answer]")[Number(key) - 1];
    input.checked = true;
    input.focus();
    refresh();
  } else if (key === "enter" && !event.target.matches("button, audio")) {
    event.preventDefault();
    $("answer").requestSubmit($("next").disabled ? undefined : $("next"));
  }
});

for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => speak(button.dataset.language));
}

(async () => {
  texts = await (await fetch("/texts.json")).json();
  const known = remembered("language");
  speak(known || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"));
  $("rater").value = remembered("rater");
  show("welcome");
  $("rater").focus();
})();
