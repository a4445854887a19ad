// Starts the page: views by address, theme, token dialogue.
import { onTokenNeeded, saveToken } from "./api.js";
import { $, setTypes, setUploadsUri } from "./dom.js";
import * as ask from "./ask.js";
import * as documents from "./documents.js";
import * as imports from "./imports.js";
import * as system from "./system.js";
import * as uploads from "./uploads.js";

const VIEWS = { ask, documents, imports, system };
const THEMES = ["automatic", "light", "dark"];
let current = null;

function route(event) {
  const name = location.hash.slice(1) in VIEWS ? location.hash.slice(1) : "ask";
  if (name === current) return;
  VIEWS[current]?.hide?.();
  current = name;
  for (const view of Object.keys(VIEWS)) $(`view-${view}`).hidden = view !== name;
  for (const link of document.querySelectorAll("[data-view]")) {
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = name === "ask" ? "Local RAG" : `${name[0].toUpperCase()}${name.slice(1)} · Local RAG`;
  if (event) { scrollTo(0, 0); $("main").focus({ preventScroll: true }); }
  void VIEWS[name].show();
}

function theme() {
  const root = document.documentElement;
  const label = () => {
    const text = `Colour theme: ${root.dataset.theme || "automatic"}`;
    $("theme-button").setAttribute("aria-label", text);
    $("theme-button").title = text;
  };
  $("theme-button").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(root.dataset.theme || "automatic") + 1) % THEMES.length];
    if (next === "automatic") delete root.dataset.theme; else root.dataset.theme = next;
    try { localStorage.setItem("local-rag-theme", next); } catch { /* then it lasts until the page closes */ }
    label();
  });
  label();
}

let asking = null;
onTokenNeeded(() => {
  asking ||= new Promise((resolve) => {
    const dialog = $("token-dialog");
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.addEventListener("close", () => {
      saveToken($("token-input").value.trim());
      asking = null;
      resolve();
    }, { once: true });
    dialog.showModal();
  });
  return asking;
});

const changed = () => { if (current === "documents") void documents.show(); };
theme();
ask.start(documents.open);
documents.start();
uploads.start({ onChange: () => { changed(); void imports.nudge(); } });
imports.start({ onChange: changed });
// A folder that is watched from now on is imported first.
document.addEventListener("import-begun", () => void imports.nudge());
system.start({ onSettings: (about) => { uploads.setLimit(about.max_upload_mb); uploads.setFormats(about.formats); setTypes(about.formats); setUploadsUri(about.uploads_uri); changed(); } });
addEventListener("hashchange", route);
route();
