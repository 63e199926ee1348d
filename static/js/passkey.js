// The pages about passkeys: sign-in, enrolment, the check, and one's own list. The server checks everything.
const { usable, post, get, create, verify, explain, signal } = globalThis.portal;
const root = document.querySelector("[data-passkey]");
const button = document.getElementById("passkey-start");
const failure = root?.querySelector("[data-failure]");
const REFRESH = 4 * 60 * 1000; // ceremonies live for five minutes

function show(error, act) {
  if (error) failure.querySelector("[data-text]").textContent = explain(error, act);
  failure.hidden = !error;
}

function onStart(run, field) {
  button.addEventListener("click", run);
  field?.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing && !button.disabled) run();
  });
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
  const begun = await post("/login/begin");
  options.signal?.throwIfAborted();
  const credential = await get(begun, options);
  clearTimeout(timer);
  button.disabled = true;
  try {
    const done = await post("/login/finish", { ceremony: begun.ceremony, credential, next: root.dataset.next });
    location.replace(done.next);
  } catch (error) {
    if (error.unknown) signal("signalUnknownCredential", { rpId: begun.options.publicKey.rpId, credentialId: credential.id });
    throw error;
  }
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
    if (error.told) show(error, "sign-in"); // nobody asked, so only what the portal says is of interest
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
    show(error, "sign-in");
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
  async function run() {
    show(null);
    button.disabled = true;
    try {
      if (!begun || Date.now() - begun.at > REFRESH) await begin();
      const mine = begun;
      begun = null;
      const credential = await create(mine, document.getElementById("shared").checked);
      await post("/enrol/finish", { ceremony: mine.ceremony, token, credential, name: field.value });
      part("ready").hidden = true;
      part("done").hidden = false;
      part("done").focus();
    } catch (error) {
      show(error, "create");
      button.disabled = error.status === 404 || error.status === 410; // the link is dead
    }
  }
  onStart(run, field);
  await begin();
  button.disabled = false;
}

async function check() {
  show(null);
  button.disabled = true;
  try {
    await verify();
    location.replace(root.dataset.next);
  } catch (error) {
    button.disabled = false;
    if (error.status === 401) location.replace(`/login?next=${encodeURIComponent(root.dataset.next)}`);
    show(error, "verify");
  }
}

// A further passkey. The check comes first, with time left to make the passkey.
async function add() {
  show(null);
  button.disabled = true;
  try {
    if (await globalThis.portal.confirm?.(120)) {
      const begun = await post("/settings/passkeys/begin");
      const credential = await create(begun, document.getElementById("shared").checked);
      await post("/settings/passkeys/finish", { ceremony: begun.ceremony, credential, name: document.getElementById("key-name").value });
      location.replace("/settings/passkeys?done=added");
      return;
    }
  } catch (error) {
    show(error, "create");
  }
  button.disabled = false;
}

const accepted = document.querySelector("[data-accepted]")?.dataset.accepted;
if (usable && accepted) signal("signalAllAcceptedCredentials", JSON.parse(accepted));

const act = root?.dataset.passkey;
if (root && !usable) {
  show({ told: "No passkeys here: use a current browser, and the portal's own address." });
} else if (act === "enrol") {
  // Another link opened in this tab
  addEventListener("hashchange", () => location.reload());
  startEnrolment().catch((error) => show(error, "create"));
} else if (act === "sign-in") {
  onStart(signInByButton, document.getElementById("username"));
  button.disabled = false;
  offerInField();
} else if (act === "verify") {
  onStart(check);
  button.disabled = false;
  button.focus();
} else if (act === "add") {
  onStart(add, document.getElementById("key-name"));
  button.disabled = false;
}
