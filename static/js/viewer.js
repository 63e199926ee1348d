// Shows a PDF report with pdf.js, one page at a time. Without this script the page links to the file.
const id = (name) => document.getElementById(name);
const steps = [0.5, 0.67, 0.8, 1, 1.25, 1.5, 2, 3, 4];

async function open(root) {
  const data = root.dataset;
  const pdfjs = await import(data.library);
  pdfjs.GlobalWorkerOptions.workerSrc = data.worker;
  const task = pdfjs.getDocument({
    url: data.pdf,
    cMapUrl: data.cmaps,
    standardFontDataUrl: data.fonts,
    wasmUrl: data.wasm,
    iccUrl: data.icc,
    httpHeaders: { Accept: "application/pdf, application/problem+json" }, // an error instead of the sign-in page
    disableStream: true, // so that only the shown pages are fetched, by ranges
    disableAutoFetch: true,
    rangeChunkSize: 256 * 1024,
    enableXfa: false,
    stopAtErrors: true, // a page that can't be drawn whole is not a report
  });
  const doc = await task.promise;
  const view = { pdfjs, doc, frame: root.querySelector("[data-pdf-frame]"), page: 1, zoom: 0, turn: 0 };
  controls(root, view);
  addEventListener("pagehide", () => task.destroy());
  await show(view);
}

// zoom 0 means: as wide as the frame.
function controls(root, view) {
  const go = (page) => {
    view.page = Math.min(Math.max(Math.trunc(page) || 1, 1), view.doc.numPages);
    show(view).catch(fail);
  };
  const zoom = (value) => {
    view.zoom = value;
    show(view).catch(fail);
  };
  id("pdf-previous").addEventListener("click", () => go(view.page - 1));
  id("pdf-next").addEventListener("click", () => go(view.page + 1));
  id("pdf-page").max = view.doc.numPages;
  id("pdf-page").addEventListener("change", (event) => go(Number(event.target.value)));
  id("pdf-smaller").addEventListener("click", () => zoom(steps.findLast((s) => s < view.scale - 0.01) ?? steps[0]));
  id("pdf-larger").addEventListener("click", () => zoom(steps.find((s) => s > view.scale + 0.01) ?? steps.at(-1)));
  id("pdf-fit").addEventListener("click", () => zoom(0));
  view.frame.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowRight" && !wider(view.frame)) go(view.page + 1);
    else if (event.key === "ArrowLeft" && !wider(view.frame)) go(view.page - 1);
    else return;
    event.preventDefault();
  });
  let width = view.frame.clientWidth;
  new ResizeObserver(() => {
    if (view.zoom === 0 && Math.abs(view.frame.clientWidth - width) > 2) zoom(0);
    width = view.frame.clientWidth;
  }).observe(view.frame);
  root.querySelector("[data-pdf-tools]").hidden = false;
}

const wider = (frame) => frame.scrollWidth > frame.clientWidth + 1;

async function show(view) {
  const turn = ++view.turn; // a later call overtakes this one
  const { frame, doc, pdfjs } = view;
  frame.setAttribute("aria-busy", "true");
  const page = await doc.getPage(view.page);
  const plain = page.getViewport({ scale: 1 });
  const fit = Math.max(0.1, (frame.clientWidth - 24) / plain.width);
  view.scale = view.zoom || Math.min(fit, 4);
  const viewport = page.getViewport({ scale: view.scale });
  const sheet = document.createElement("div");
  sheet.className = "pdf-page";
  sheet.style.setProperty("--total-scale-factor", String(view.scale));
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Page ${view.page} of ${doc.numPages}, drawn; its text follows`);
  const sharp = sharpness(viewport);
  canvas.width = Math.floor(viewport.width * sharp);
  canvas.height = Math.floor(viewport.height * sharp);
  canvas.style.width = `${Math.floor(viewport.width)}px`;
  canvas.style.height = `${Math.floor(viewport.height)}px`;
  const text = document.createElement("div");
  text.className = "textLayer";
  sheet.append(canvas, text);
  await page.render({ canvas, viewport, transform: [sharp, 0, 0, sharp, 0, 0] }).promise;
  if (turn !== view.turn) return;
  frame.replaceChildren(sheet);
  frame.scrollTop = 0;
  await new pdfjs.TextLayer({ textContentSource: page.streamTextContent({ includeMarkedContent: true }), container: text, viewport }).render();
  if (turn !== view.turn) return;
  state(view);
  frame.setAttribute("aria-busy", "false");
}

// The canvas is as sharp as the screen, within what phones can hold.
function sharpness(viewport) {
  const most = Math.sqrt(16e6 / (viewport.width * viewport.height));
  return Math.min(devicePixelRatio || 1, 3, most);
}

function state(view) {
  id("pdf-page").value = String(view.page);
  id("pdf-count").textContent = `of ${view.doc.numPages}`;
  id("pdf-zoom").textContent = `${Math.round(view.scale * 100)} %`;
  const last = view.doc.numPages;
  for (const [name, off] of [["pdf-previous", view.page <= 1], ["pdf-next", view.page >= last]]) {
    const button = id(name);
    if (off && document.activeElement === button) view.frame.focus();
    button.disabled = off;
  }
}

function fail(error) {
  const frame = document.querySelector("[data-pdf-frame]");
  const note = document.createElement("p");
  note.className = "pdf-note";
  note.setAttribute("role", "alert");
  note.textContent = words(error);
  frame.replaceChildren(note);
  frame.setAttribute("aria-busy", "false");
}

function words(error) {
  switch (error?.name) {
    case "PasswordException":
      return "The document asks for a password and can't be shown here. Open the file instead.";
    case "InvalidPDFException":
      return "The document is damaged and can't be shown.";
    case "ResponseException":
      if (error.status === 409) return "The file changed since it was indexed. Ask an operator to run sync-reports, then reload the page.";
      if (error.status === 410) return "The file is gone.";
      if (error.status === 401 || error.status === 403) return "You are signed out. Reload the page to sign in.";
      return "The file can't be read right now. Try again in a moment.";
    default:
      return "The document can't be drawn. Open the file instead.";
  }
}

const box = document.querySelector("[data-pdf]");
if (box) open(box).catch(fail);
