// The Imports view: jobs with their progress, and changes at the sources.
import { call } from "./api.js";
import { $, callout, date, el, place, plural, showError, toast } from "./dom.js";

const ACTIVE = ["queued", "running", "paused"];
const FAST = 1000;
const KINDS = { update: "Update of changed sources", watch: "Watched folders", reindex: "Rebuild of the index" };
const opened = new Set();
let timer = null;
let visible = false;
let finishedBefore = null;
let changed = () => {};

export function start({ onChange }) {
  changed = onChange;
  $("import-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const sources = $("import-sources").value.split("\n").map((line) => line.trim()).filter(Boolean);
    if (!sources.length) return;
    try {
      await call("POST", "/imports", { sources, recursive: $("import-recursive").checked });
      $("import-sources").value = "";
      toast("The import has begun.");
      await poll();
    } catch (error) { showError(error); }
  });
  $("updates-check").addEventListener("click", check);
  $("updates-apply").addEventListener("click", apply);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) void poll(); });
  void poll();
}

export function show() { visible = true; return poll(); }
export function hide() { visible = false; }
export const nudge = () => poll();

// Polls only while something is running, so that an idle page costs the machine nothing.
async function poll() {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    const { items } = await call("GET", "/imports?limit=30");
    const active = items.filter((job) => ACTIVE.includes(job.state));
    badge(active.length);
    if (visible) await render(items);
    const finished = items.length - active.length;
    if (finishedBefore !== null && finished !== finishedBefore) changed();
    finishedBefore = finished;
    if (active.length) timer = setTimeout(poll, FAST);
  } catch (error) {
    if (visible) showError(error);
  }
}

function badge(count) {
  $("imports-badge").hidden = count === 0;
  $("imports-badge").textContent = String(count);
  $("imports-badge").setAttribute("aria-label", `${count} running`);
}

async function render(jobs) {
  const box = $("jobs");
  if (!jobs.length) {
    box.replaceChildren(el("div", { class: "empty" }, "No imports yet."));
    return;
  }
  const focused = document.activeElement?.dataset?.key;
  const nodes = await Promise.all(jobs.map(async (job) => card(job, opened.has(job.id) ? await items(job) : null)));
  box.replaceChildren(...nodes);
  if (focused) box.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

async function items(job) {
  const page = await call("GET", `/imports/${encodeURIComponent(job.id)}/items?limit=200`);
  return page;
}

function title(job) {
  const [first = job.kind, ...rest] = job.sources;
  const name = KINDS[job.kind] || place(first);
  return rest.length ? `${name} and ${plural(rest.length, "more", "more")}` : name;
}

function card(job, page) {
  const finished = job.done + job.unchanged + job.skipped + job.failed;
  const active = ACTIVE.includes(job.state);
  const counts = [`${finished} of ${job.total}`, job.unchanged ? `${job.unchanged} unchanged` : "", job.skipped ? `${job.skipped} skipped` : "", job.failed ? `${job.failed} failed` : "", date(job.created)].filter(Boolean).join(" · ");
  const button = (text, key, run) => el("button", { class: "button small", type: "button", "aria-label": `${text}: ${title(job)}`, data: { key: `${key}-${job.id}` }, onclick: run }, text);
  const act = async (method, path) => { try { await call(method, path); await poll(); } catch (error) { showError(error); } };
  const path = `/imports/${encodeURIComponent(job.id)}`;
  const toggle = () => { if (!opened.delete(job.id)) opened.add(job.id); void poll(); };
  return el("article", { class: "card job", data: { id: job.id } },
    el("div", { class: "job-head" }, el("span", { class: "job-title" }, title(job)), el("span", { class: "tag", data: { state: job.state } }, job.state),
      active ? button("Cancel", "cancel", () => act("DELETE", path)) : null,
      (job.state === "cancelled" || job.state === "failed" || job.failed > 0) && !active ? button(job.state === "done" ? "Try failed again" : "Resume", "resume", () => act("POST", `${path}/resume`)) : null,
      el("button", { class: "button small quiet", type: "button", "aria-expanded": String(opened.has(job.id)), data: { key: `show-${job.id}` }, "aria-label": `Files of ${title(job)}`, onclick: toggle }, opened.has(job.id) ? "Hide files" : "Show files")),
    active || finished < job.total ? el("progress", { max: String(Math.max(job.total, 1)), value: String(finished), "aria-label": `Progress of ${title(job)}` }) : null,
    el("p", { class: "hint" }, counts),
    job.error ? callout(job.error, null, job.state === "failed" ? "bad" : "") : null,
    page ? el("ul", { class: "job-items", tabindex: "0", "aria-label": "Files" }, page.items.map((item) => el("li", {},
      el("span", { class: "uri" }, place(item.uri)), el("span", { class: "tag", data: { state: item.state } }, item.state), item.error ? el("span", { class: "why" }, item.error) : null)),
    page.total > page.items.length ? el("li", {}, `and ${plural(page.total - page.items.length, "more", "more")}`) : null) : null);
}

async function check() {
  const button = $("updates-check");
  button.disabled = true;
  $("updates-result").replaceChildren(el("p", { class: "hint" }, "Looking at the sources…"));
  try {
    const { items } = await call("GET", "/updates");
    const changes = items.filter((item) => item.kind !== "unchanged");
    $("updates-apply").hidden = changes.length === 0;
    $("updates-result").replaceChildren(changes.length
      ? el("ul", { class: "change-list", tabindex: "0", "aria-label": "Changes" }, changes.slice(0, 500).map((item) => el("li", {}, el("span", { class: "tag", data: { state: item.kind } }, item.kind), el("span", {}, place(item.uri)))))
      : el("p", { class: "hint" }, `Nothing has changed (${plural(items.length, "source")} compared).`));
  } catch (error) {
    $("updates-result").replaceChildren(callout(error.message, error.hint, "bad"));
  } finally {
    button.disabled = false;
  }
}

async function apply() {
  try {
    await call("POST", "/updates");
    $("updates-apply").hidden = true;
    $("updates-result").replaceChildren(el("p", { class: "hint" }, "The changes are being imported."));
    await poll();
  } catch (error) { showError(error); }
}
