// What the passkey scripts share: bytes to the browser, answers to the portal, words for people.
const words = {
  NotAllowedError: {
    "sign-in": "The passkey prompt was closed, or this device has no passkey for the portal. Try again, use your phone or security key, or ask an administrator for an enrolment link.",
    verify: "The passkey prompt was closed before it was done. Please try again.",
    create: "The prompt was closed before the passkey was made. Please try again.",
  },
  TimeoutError: "The passkey prompt waited too long for an answer. Please try again.",
  AbortError: "The attempt was given up. Please try again.",
  InvalidStateError: "This device, or the account that it syncs with, has a passkey of yours already. Use that one, or choose another device.",
  SecurityError: "The browser refuses passkeys at this address. Open the portal at its own address.",
  NotSupportedError: "This device can't make the kind of passkey that the portal needs. Use another device or a security key.",
  ConstraintError: "This device can't check that it is you. Set up a PIN, fingerprint or face for it, or use another device.",
};

function explain(error, act) {
  const said = error?.told ?? words[error?.name];
  return said?.[act] ?? (typeof said === "string" ? said : "The device gave no usable answer. Try again, or use another device or security key.");
}

async function post(path, body) {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  if (token) headers["X-CSRF-Token"] = token;
  const signal = AbortSignal.timeout?.(20000);
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body ?? {}), signal }).catch(() => {
    throw { told: navigator.onLine ? "The portal can't be reached. Check the connection and try again." : "There is no network connection. Connect and try again." };
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const unknown = answer.headers.has("X-Passkey-Unknown");
    throw { told: data.detail ?? "The portal gave no answer. Try again.", status: answer.status, unknown };
  }
  return data;
}

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function parsed(json, parser) {
  if (PublicKeyCredential[parser]) return PublicKeyCredential[parser](json);
  const bytes = (list) => list?.map((entry) => ({ ...entry, id: toBytes(entry.id) }));
  const user = json.user && { ...json.user, id: toBytes(json.user.id) };
  return { ...json, challenge: toBytes(json.challenge), user, excludeCredentials: bytes(json.excludeCredentials), allowCredentials: bytes(json.allowCredentials) };
}

// Some password managers have no toJSON.
function plain(credential) {
  try {
    return credential.toJSON();
  } catch {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    }
    response.transports = credential.response.getTransports?.();
    const { id, type, rawId } = credential;
    return { id, type, rawId: toText(rawId), response, clientExtensionResults: {} };
  }
}

// Browsers tell a closed prompt and one that timed out by the same error.
async function timed(limit, run) {
  const began = Date.now();
  try {
    return await run();
  } catch (error) {
    if (error?.name === "NotAllowedError" && limit && Date.now() - began > limit - 2000) throw { name: "TimeoutError" };
    throw error;
  }
}

function get(begun, options) {
  const publicKey = parsed(begun.options.publicKey, "parseRequestOptionsFromJSON");
  return timed(publicKey.timeout, async () => plain(await navigator.credentials.get({ publicKey, ...options })));
}

// On a shared computer the passkey must come with the person: phone or security key.
function create(begun, shared) {
  const publicKey = parsed(begun.options.publicKey, "parseCreationOptionsFromJSON");
  if (shared) {
    publicKey.hints = ["hybrid", "security-key"];
    publicKey.authenticatorSelection = { ...publicKey.authenticatorSelection, authenticatorAttachment: "cross-platform" };
  }
  return timed(publicKey.timeout, async () => {
    const made = await navigator.credentials.create({ publicKey });
    if (shared && made.authenticatorAttachment === "platform") throw { told: "That passkey would stay on this shared computer. Choose your phone or a security key." };
    return plain(made);
  });
}

// The check of who is there, within a session. It answers until when sensitive acts are open.
async function verify(signal) {
  const begun = await post("/verify/begin");
  const credential = await get(begun, { signal });
  return post("/verify/finish", { ceremony: begun.ceremony, credential });
}

// Password managers that can, forget passkeys that the portal doesn't take (any more).
function signal(name, details) {
  PublicKeyCredential[name]?.(details).catch(() => {});
}

const usable = typeof PublicKeyCredential === "function" && Boolean(navigator.credentials);
globalThis.portal = { usable, post, get, create, verify, explain, signal };
