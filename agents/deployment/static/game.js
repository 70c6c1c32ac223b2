// Sends a turn without loading the page anew, as often as it takes and with the same key, so that it counts once.
// Without this script the same forms work. All that is said to people is in the pages.
"use strict";
const news = document.getElementById("news"), texts = news?.dataset ?? {};
const pause = (seconds) => new Promise((on) => {
  setTimeout(on, 1000 * seconds);
  addEventListener("online", on, { once: true });
});

/** Returns the page with the answer, after asking until there is one; `tell` gets the reason for a long wait. */
async function page(url, options, tell) {
  for (let seconds = 2; ; seconds = Math.min(2 * seconds, 20)) {
    let why = texts.lost, wait = seconds;
    try {
      const answer = await fetch(url, { ...options, signal: AbortSignal.timeout(45000) });
      const found = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.status !== 429 && answer.status < 500 && found.querySelector("main")) return found;
      wait = Number(answer.headers.get("Retry-After")) || seconds;
      why = texts.busy;
    } catch { /* there is no connection: once more */ }
    tell(why);
    await pause(wait);
  }
}

function show(found) {
  const main = found.querySelector("main");
  main.querySelector("[autofocus]")?.removeAttribute("autofocus"); // it is focused below
  document.querySelector("main").replaceWith(main);
  document.title = found.title;
  news.textContent = main.dataset.news ?? "";
  (main.querySelector("textarea") ?? main.querySelector("h1")).focus();
  begin(main);
}

async function send(form) {
  if (form.hasAttribute("aria-busy")) return;
  const options = { method: "POST", body: new URLSearchParams(new FormData(form)) };
  const tell = (text) => { form.querySelector("[data-status]").textContent = text; };
  form.setAttribute("aria-busy", "true");
  form.querySelector("button").setAttribute("aria-disabled", "true");
  form.querySelector("textarea")?.setAttribute("readonly", "");
  tell(texts.sending);
  show(await page(form.action, options, tell));
}

/** Waits until the other one has done something, and shows it. */
async function follow(main) {
  const { page: game, seen } = main.dataset;
  while (main.isConnected) {
    try {
      const options = { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(45000) };
      const answer = await fetch(`${game}/changed?seen=${seen}`, options);
      if (answer.status < 500 && answer.status !== 429 && (!answer.ok || (await answer.json()).seen !== seen)) {
        return show(await page(game, {}, () => {}));
      }
      if (!answer.ok) await pause(3);
    } catch { await pause(3); }
  }
}

/** Looks every few seconds whether there is a game, and goes there. */
async function look(main) {
  for (;;) {
    await pause(5);
    const answer = await fetch(main.dataset.wait).catch(() => null);
    if (answer?.ok && new URL(answer.url).pathname !== main.dataset.wait) return location.assign(answer.url);
  }
}

/** Says in the last minute how much time is left: each second to the eye, seldom to the ear. */
function count(clock, main) {
  const end = Date.now() + 1000 * clock.dataset.left;
  const timer = setInterval(() => {
    const left = Math.max(0, Math.round((end - Date.now()) / 1000));
    if (!main.isConnected || left === 0) clearInterval(timer);
    if (left <= 60) clock.textContent = left ? texts.left.replace("{}", left) : texts.over;
    if (main.isConnected && [60, 20, 0].includes(left)) news.textContent = clock.textContent;
  }, 1000);
}

function begin(main) {
  const clock = main.querySelector("[data-left]");
  if (clock) count(clock, main);
  if (main.dataset.seen) follow(main);
  if (main.dataset.wait) look(main);
}

addEventListener("submit", (event) => {
  if (!event.target.matches("[data-turn]")) return;
  event.preventDefault();
  send(event.target);
});
addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.matches("#text")) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});
begin(document.querySelector("main"));
