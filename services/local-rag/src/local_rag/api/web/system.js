// The System view and the status chip: health by component, models, and care of the index.
import { call, download } from "./api.js";
import { $, bytes, confirmAction, el, sentence, showError, toast } from "./dom.js";

const NAMES = { llm: "Language model", embedder: "Embedding model", embedding: "Embedding model", store: "Index", disk: "Disk", memory: "Memory", temperature: "Temperature", watch: "Watched folders" };
const STATES = { ok: "Ready", degraded: "Limited", failed: "Failed", unknown: "Unknown" };
const KINDS = { embedding: "Embedding", llm: "Language" };
const EVERY = 30000;
let visible = false;
let onSettings = () => {};
let known = false;

export function start(handlers) {
  onSettings = handlers.onSettings;
  setInterval(() => { if (!document.hidden) void refresh(); }, EVERY);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) void refresh(); });
  $("backup-button").addEventListener("click", (event) => run(event.target, async () => {
    const made = await call("POST", "/system/backup");
    const path = `/system/backups/${encodeURIComponent(made.name)}`;
    // It is with the person now; a copy next to the index would only take its room.
    try { await download(path, made.name); } finally { await call("DELETE", path, undefined, { accept: [404] }); }
    toast(`The backup ${made.name} is downloaded (${bytes(made.size)}).`);
  }));
  $("reindex-button").addEventListener("click", (event) => run(event.target, async () => {
    if (!await confirmAction({ title: "Rebuild the index?", text: "Every document is embedded again. On a small machine that can take long.", ok: "Rebuild" })) return;
    await call("POST", "/system/reindex");
    toast("The index is being rebuilt.");
    location.hash = "#imports";
  }));
  $("reset-button").addEventListener("click", (event) => run(event.target, async () => {
    if (!await confirmAction({ title: "Remove every document?", text: "The index is emptied for good. Your own files are not touched. A backup first is wise.", ok: "Reset", word: "reset" })) return;
    await call("POST", "/system/reset", { confirm: "reset" });
    toast("The index is empty.");
    await refresh();
  }));
  void refresh();
}

async function run(button, work) {
  button.disabled = true;
  try { await work(); } catch (error) { showError(error); } finally { button.disabled = false; }
}

export async function show() {
  visible = true;
  await Promise.all([refresh(), models()]);
}
export function hide() { visible = false; }

export async function refresh() {
  try {
    const health = await call("GET", "/health", undefined, { accept: [503] });
    chip(health.status);
    notice("");
    if (!known) void settings();
    if (visible) render(health);
  } catch (error) {
    chip("unreachable");
    notice(sentence(error.hint ? `${error.message} ${error.hint}` : error.message));
  }
}

async function settings() {
  known = true;
  try { onSettings(await call("GET", "/system")); } catch { known = false; /* asked again with the next look at health */ }
}

function chip(status) {
  const node = $("status-chip");
  node.dataset.state = status === "unreachable" ? "failed" : status;
  node.querySelector("span").textContent = status === "unreachable" ? "Not running" : STATES[status] || status;
  node.setAttribute("aria-label", `State of the service: ${node.textContent.trim()}`);
}

function notice(text) {
  $("notice").hidden = !text;
  $("notice").textContent = text;
}

function uptime(seconds) {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} days`;
}

function render(health) {
  $("system-version").textContent = `Version ${health.version}, running for ${uptime(health.uptime_s)}`;
  const open = new Set([...document.querySelectorAll(".component details[open]")].map((node) => node.dataset.name));
  $("health").replaceChildren(...health.components.map((part) => component(part, open.has(part.name))));
}

function value(item) {
  if (item === null) return "none";
  return typeof item === "object" ? JSON.stringify(item) : String(item);
}

function component(part, open) {
  const details = Object.entries(part.details || {});
  return el("section", { class: "card component", "aria-label": NAMES[part.name] || part.name },
    el("h2", {}, el("i", { class: "dot", data: { state: part.state }, "aria-hidden": "true" }), NAMES[part.name] || part.name, el("span", { class: "tag", data: { state: part.state } }, STATES[part.state] || part.state)),
    el("p", {}, sentence(part.message)),
    part.hint ? el("p", { class: "fix" }, sentence(part.hint)) : null,
    details.length ? el("details", { open, data: { name: part.name } }, el("summary", {}, "Details"),
      el("dl", { class: "facts" }, details.flatMap(([name, item]) => [el("dt", {}, name.replaceAll("_", " ")), el("dd", {}, value(item))]))) : null);
}

async function models() {
  try {
    const { items } = await call("GET", "/models");
    if (!items.length) {
      $("models").replaceChildren(el("p", { class: "muted" }, "No model is installed. The package local-rag-model-e5 brings one, and ", el("code", {}, "local-rag models pull"), " fetches others."));
      return;
    }
    const head = ["Name", "Use", "Size", ""];
    $("models").replaceChildren(el("table", { class: "models-table" },
      el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text || el("span", { class: "sr-only" }, "State"))))),
      el("tbody", {}, items.map((model) => el("tr", {}, el("td", {}, model.name), el("td", {}, KINDS[model.kind] || "Unknown"), el("td", {}, bytes(model.size)),
        el("td", {}, model.problem ? el("span", { class: "trouble" }, model.problem) : model.active ? el("span", { class: "tag", data: { state: "ok" } }, "in use") : null))))));
  } catch (error) {
    showError(error);
  }
}
