// Runs on every page of a signed-in person: the check before sensitive acts, and the lock when nobody is there.
const { usable, post, verify, explain } = globalThis.portal;
const html = document.documentElement;
const csrf = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
const here = () => location.pathname + location.search;

function gone() {
  html.dataset.locked = "";
  location.replace(`/login?next=${encodeURIComponent(here())}`);
}

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

// A dialog with one act to try again until it works.
function dialog(id, heading, title, text, ...others) {
  const failure = make("p", { className: "field-error", hidden: true, role: "alert" });
  const button = make("button", { type: "button", className: "button button-primary" });
  const box = make("dialog", { id, className: "dialog" },
    make("div", { className: "dialog-head" }, make(heading, { id: `${id}-title`, textContent: title })),
    make("div", { className: "dialog-body" }, make("p", { textContent: text }), failure),
    make("div", { className: "dialog-foot" }, ...others, button));
  box.setAttribute("aria-labelledby", `${id}-title`);
  document.body.append(box);
  async function run(signal) {
    failure.hidden = button.disabled = true;
    try {
      return await verify(signal);
    } catch (error) {
      if (error.status === 401) gone();
      if (error.status === 403) location.reload(); // the cookie is another session's by now
      failure.textContent = explain(error, "verify");
      failure.hidden = false;
      button.disabled = false;
      button.focus();
      return null;
    }
  }
  return { box, button, run };
}

// Sensitive acts need a passkey check within five minutes.
const until = document.querySelector('meta[name="verified-until"]');
let freshUntil = Date.now() + 1000 * (until?.dataset.seconds ?? 0);
const fresh = (margin) => Date.now() < freshUntil - 1000 * margin;

function granted(done) {
  freshUntil = Date.now() + 1000 * done.verifiedFor;
  if (until) until.content = done.verifiedUntil;
}

let asking = null;

function confirm(margin = 5) {
  if (fresh(margin) || !usable) return Promise.resolve(true); // without passkeys the portal refuses, in words
  asking ??= ask().finally(() => { asking = null; });
  return asking;
}

function ask() {
  return new Promise((resolve) => {
    const stop = new AbortController();
    const cancel = make("button", { type: "button", className: "button", textContent: "Cancel" });
    const { box, button, run } = dialog("step-up", "h2", "Confirm it is you", "This act is a sensitive one. Confirm with your passkey; that holds for five minutes.", cancel);
    let confirmed = false;
    const start = async () => {
      const done = await run(stop.signal);
      if (!done) return;
      granted(done);
      announce({ kind: "checked", done });
      confirmed = true;
      box.close();
    };
    button.textContent = "Confirm with your passkey";
    button.addEventListener("click", start);
    cancel.addEventListener("click", () => box.close());
    box.addEventListener("close", () => {
      stop.abort();
      box.remove();
      resolve(confirmed);
    });
    box.showModal();
    start();
  });
}

globalThis.portal.confirm = confirm;

// In the capture phase, before htmx sees the form.
document.addEventListener("submit", (event) => {
  const { target: form, submitter } = event;
  if (form.getAttribute("action") === "/logout") announce({ kind: "out" });
  if (!form.matches("[data-step-up]") || fresh(5) || !usable) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  confirm().then((yes) => {
    if (yes && form.isConnected) form.requestSubmit(submitter ?? undefined);
    else submitter?.focus();
  });
}, true);

// The lock. Typing, pointing, scrolling and touching count as activity, in any tab.
const EVERY = 61 * 1000; // the portal writes activity down once a minute
const after = () => 1000 * Number(document.body.dataset.lockAfter);
let active = Date.now();
let told = active;
let shared = 0;
let trailing = 0;
let locked = null;

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("portal-session") : null;

function announce(message) {
  channel?.postMessage({ csrf, ...message });
}

const due = () => after() > 0 && Date.now() - active >= after();

function check() {
  if (!locked && due()) lock();
}

function moved() {
  check(); // whoever wakes a sleeping computer has not been active yet
  if (locked) return;
  active = Date.now();
  if (active - shared > 5000) {
    shared = active;
    announce({ kind: "active", at: active });
  }
  if (active - told >= EVERY) tell();
  else trailing ||= setTimeout(tell, told + EVERY - active);
}

async function tell() {
  clearTimeout(trailing);
  trailing = 0;
  check();
  if (locked) return;
  told = Date.now();
  try {
    await post("/session/activity");
  } catch (error) {
    if (error.status === 401) gone();
    else if (error.status === 423) lock();
    else if (error.status === 403) location.reload();
  }
}

function lock(quiet) {
  if (locked) return;
  const focused = document.activeElement;
  html.dataset.locked = "";
  const out = make("form", { method: "post" }, make("input", { type: "hidden", name: "csrf", value: csrf }), make("button", { className: "button", textContent: "Sign out" }));
  out.setAttribute("action", "/logout");
  const { box, button, run } = dialog("lock", "h1", "Locked", "Nobody was here for a while, so the page is hidden. One touch of your passkey brings you back to the same place.", out);
  button.textContent = "Continue with your passkey";
  button.addEventListener("click", async () => {
    const done = await run();
    if (!done) return;
    announce({ kind: "unlocked", done });
    unlock(done);
  });
  box.setAttribute("closedby", "none");
  box.addEventListener("cancel", (event) => event.preventDefault());
  box.addEventListener("close", () => { if (locked) box.showModal(); });
  locked = { box, focused, left: scrollX, top: scrollY };
  box.showModal();
  button.focus();
  if (quiet) return;
  announce({ kind: "locked" });
  post("/session/lock").catch((error) => { if (error.status === 401) gone(); });
}

function unlock(done) {
  granted(done);
  active = told = Date.now();
  const was = locked;
  locked = null;
  was?.box.close();
  was?.box.remove();
  delete html.dataset.locked;
  was?.focused?.focus({ preventScroll: true });
  if (was) scrollTo({ left: was.left, top: was.top, behavior: "instant" });
}

channel?.addEventListener("message", ({ data }) => {
  if (data.csrf !== csrf) return; // another session's page
  if (data.kind === "out") gone();
  else if (data.kind === "active") active = Math.max(active, data.at);
  else if (data.kind === "locked") lock(true);
  else if (data.kind === "unlocked") unlock(data.done);
  else if (data.kind === "checked") granted(data.done);
});

for (const name of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "scroll"]) {
  addEventListener(name, moved, { capture: true, passive: true });
}
for (const name of ["visibilitychange", "resume"]) document.addEventListener(name, check);
for (const name of ["focus", "pageshow"]) addEventListener(name, check);
setInterval(check, 1000);

// What a locked page asks by itself waits: the answer would be about the lock.
document.addEventListener("htmx:config:request", (event) => { if (locked) event.preventDefault(); });

// A page kept for going back shows nothing until it was asked for anew.
addEventListener("pagehide", (event) => { if (event.persisted) html.dataset.locked = ""; });
