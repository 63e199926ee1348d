// Passkeys: the server checks everything, this script carries bytes and words.
const root = document.querySelector("[data-passkey]");
const button = document.getElementById("passkey-start");
const failure = root?.querySelector("[data-failure]");
const usable = typeof PublicKeyCredential === "function" && navigator.credentials;
const REFRESH = 4 * 60 * 1000; // ceremonies live for five minutes

const words = {
  NotAllowedError: "The passkey prompt was closed or timed out. Please try again.",
  InvalidStateError: "This device has a passkey for you already. Sign in with it.",
  SecurityError: "The browser refuses passkeys at this address. Open the portal at its own address.",
};

function show(error) {
  if (error) failure.querySelector("[data-text]").textContent = error.told ?? words[error.name] ?? "This device can't do that. Use another device or security key.";
  failure.hidden = !error;
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout?.(20000),
  }).catch(() => {
    throw { told: "The portal can't be reached. Check the connection." };
  });
  const data = await answer.json().catch(() => ({}));
  if (!answer.ok) throw { told: data.detail ?? "The portal gave no answer. Try again.", status: answer.status };
  return data;
}

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function parsed(json, parser) {
  if (PublicKeyCredential[parser]) return PublicKeyCredential[parser](json);
  const excludeCredentials = json.excludeCredentials?.map((entry) => ({ ...entry, id: toBytes(entry.id) }));
  const user = json.user && { ...json.user, id: toBytes(json.user.id) };
  return { ...json, challenge: toBytes(json.challenge), user, excludeCredentials };
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

// The offer in the user name field waits; it must end before the button asks anew.
let offer = null;
let timer = 0;

function withdraw() {
  clearTimeout(timer);
  offer?.abort();
  offer = null;
}

async function signIn(options) {
  const begun = await post("/login/begin", {});
  options.signal?.throwIfAborted();
  const publicKey = parsed(begun.options.publicKey, "parseRequestOptionsFromJSON");
  const credential = plain(await navigator.credentials.get({ publicKey, ...options }));
  clearTimeout(timer);
  button.disabled = true;
  const done = await post("/login/finish", { ceremony: begun.ceremony, credential, next: root.dataset.next });
  location.replace(done.next);
}

async function offerInField() {
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  withdraw();
  const mine = new AbortController();
  offer = mine;
  timer = setTimeout(offerInField, REFRESH);
  try {
    await signIn({ mediation: "conditional", signal: mine.signal });
  } catch (error) {
    if (mine.signal.aborted) return;
    button.disabled = false;
    if (error.told) show(error); // nobody asked, so only what the portal says is of interest
  }
}

async function signInByButton() {
  withdraw();
  show(null);
  button.disabled = true;
  try {
    await signIn({});
  } catch (error) {
    button.disabled = false;
    show(error);
    offerInField();
  }
}

// The token leaves the address bar and the history first of all.
async function startEnrolment() {
  const token = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const part = (name) => root.querySelector(`[data-${name}]`);
  const field = document.getElementById("key-name");
  let begun = null;
  async function begin() {
    begun = { ...(await post("/enrol/begin", { token })), at: Date.now() };
    part("user").textContent = begun.displayName;
    part("name").textContent = begun.name;
    part("until").dateTime = begun.expires;
    part("until").textContent = new Date(begun.expires).toLocaleString([], { dateStyle: "long", timeStyle: "short" });
    part("ready").hidden = false;
  }
  async function create() {
    show(null);
    button.disabled = true;
    try {
      if (!begun || Date.now() - begun.at > REFRESH) await begin();
      const { ceremony, options } = begun;
      begun = null;
      const publicKey = parsed(options.publicKey, "parseCreationOptionsFromJSON");
      const credential = plain(await navigator.credentials.create({ publicKey }));
      await post("/enrol/finish", { ceremony, token, credential, name: field.value });
      part("ready").hidden = true;
      part("done").hidden = false;
      part("done").focus();
    } catch (error) {
      show(error);
      button.disabled = error.status === 404 || error.status === 410; // the link is dead
    }
  }
  onStart(create, field);
  await begin();
  button.disabled = false;
}

function onStart(run, field) {
  button.addEventListener("click", run);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && !button.disabled) run();
  });
}

if (root && !usable) {
  show({ told: "No passkeys: use a current browser and the portal's own address." });
} else if (root?.dataset.passkey === "enrol") {
  // Another link opened in this tab
  addEventListener("hashchange", () => location.reload());
  startEnrolment().catch(show);
} else if (root) {
  onStart(signInByButton, document.getElementById("username"));
  button.disabled = false;
  offerInField();
}
