// Small comforts for every page. Each page works without this script: links, forms and <details> do the work.
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";
const byId = (id) => (id ? document.getElementById(id) : null);

// Requests of htmx carry the session's token, like the hidden field of a form does.
document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  const sameOrigin = new URL(request.action, document.baseURI).origin === location.origin;
  if (!sameOrigin) event.preventDefault();
  else if (token && !/^(GET|HEAD)$/i.test(request.method)) request.headers["X-CSRF-Token"] = token;
});

// Focus stays where it was, also when a swap replaces the focused element.
let focused = null;
document.addEventListener("htmx:before:swap", () => {
  const element = document.activeElement;
  focused = element && element !== document.body ? { element, id: element.id, fallback: element.dataset.focusFallback } : null;
});
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail.ctx?.target;
  const place = byId(target?.id) ?? (target?.isConnected ? target : null);
  if (focused && !focused.element.isConnected) {
    const next = byId(focused.id) ?? byId(focused.fallback) ?? place;
    if (next && !next.matches("a, button, input, select, textarea, summary, [tabindex]")) next.tabIndex = -1;
    next?.focus({ preventScroll: next !== place });
  }
  focused = null;
  announce((place?.matches("[data-announce]") ? place : place?.querySelector("[data-announce]"))?.textContent);
});

// Failed requests would otherwise leave the page as it was without a word.
document.addEventListener("htmx:error", () => {
  announce("The request failed. Check the connection and try again.");
  toast("The request failed. Check the connection and try again.");
});

function announce(text) {
  const live = byId("live");
  if (!live || !text?.trim()) return;
  live.textContent = "";
  setTimeout(() => { live.textContent = text.trim(); }, 60);
}

function toast(text) {
  const box = byId("toasts");
  if (!box || [...box.children].some((child) => child.textContent.includes(text))) return;
  const note = document.createElement("div");
  note.className = "toast kind-bad";
  note.dataset.toast = "";
  const words = document.createElement("span");
  words.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button button-quiet";
  close.dataset.dismiss = "";
  close.textContent = "Dismiss";
  note.append(document.createElement("span"), words, close);
  box.append(note);
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  const dialog = byId(opener?.dataset.dialogOpen);
  if (dialog?.showModal) {
    event.preventDefault();
    if (!dialog.open) dialog.showModal();
    return;
  }
  if (event.target.closest("[data-dialog-close]")) event.target.closest("dialog")?.close();
  if (event.target.closest("[data-dismiss]")) event.target.closest("[data-toast]")?.remove();
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
  const nav = byId("nav-toggle");
  if (nav?.checked && narrow.matches) {
    nav.checked = false;
    nav.focus();
  }
});

// The folded navigation is remembered on wide screens only; it says nothing about a patient.
const narrow = matchMedia("(max-width: 47.99rem)");
const nav = byId("nav-toggle");
if (nav) {
  const key = "nav-folded";
  if (!narrow.matches) nav.checked = localStorage.getItem(key) === "1";
  nav.addEventListener("change", () => { if (!narrow.matches) localStorage.setItem(key, nav.checked ? "1" : "0"); });
  narrow.addEventListener("change", () => { nav.checked = !narrow.matches && localStorage.getItem(key) === "1"; });
}

// A page restored from the back-forward cache may belong to somebody who signed out: ask the server again.
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

if ("serviceWorker" in navigator && isSecureContext) {
  navigator.serviceWorker.register("/sw.js", { scope: "/" }).catch(() => {});
}
