// The service worker keeps the portal's own static files and one offline page, nothing else: no page, fragment,
// export or report ever enters its cache. The server fills in the list, whose names carry content hashes.
const VERSION = "__VERSION__";
const OFFLINE = "__OFFLINE__";
const FILES = ["__FILES__"];
const CACHE = `portal-static-${VERSION}`;
const allowed = new Set(FILES);

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name !== CACHE);
    await Promise.all(old.map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (allowed.has(url.pathname) && url.search === "") {
    event.respondWith(kept(request, url.pathname));
  } else if (request.mode === "navigate" && request.destination === "document" && !/\/(export|file)\b/.test(url.pathname)) {
    event.respondWith(fetch(request).catch(() => offline()));
  }
});

async function kept(request, path) {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? fetch(request);
}

async function offline() {
  const cache = await caches.open(CACHE);
  return (await cache.match(OFFLINE)) ?? Response.error();
}
