// Adding documents: drag and drop anywhere, the file chooser, and the list of running uploads.
import { selected } from "./collections.js";
import { call, upload } from "./api.js";
import { $, ICONS, bytes, el, icon, sentence, toast } from "./dom.js";

const MAX_FILES = 5000;
const queue = [];
let busy = false;
let limit = 100 * 1000 * 1000;
let changed = () => {};

export function start({ onChange }) {
  changed = onChange;
  for (const id of ["file-input", "folder-input"]) {
    $(id).addEventListener("change", (event) => {
      add([...event.target.files].map((file) => ({ file, name: file.webkitRelativePath || file.name })));
      event.target.value = "";
    });
  }
  let depth = 0;
  const files = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const overlay = (on) => { $("drop-overlay").hidden = !on; };
  addEventListener("dragenter", (event) => { if (files(event)) { event.preventDefault(); depth += 1; overlay(true); } });
  addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
  addEventListener("dragleave", (event) => { if (files(event) && (depth -= 1) <= 0) { depth = 0; overlay(false); } });
  addEventListener("drop", async (event) => {
    if (!files(event)) return;
    event.preventDefault();
    depth = 0;
    overlay(false);
    location.hash = "#documents";
    add(await dropped(event.dataTransfer));
  });
}

export function setLimit(megabytes) {
  limit = megabytes * 1000 * 1000;
  $("upload-limit").textContent = String(megabytes);
}

// What the file chooser offers, and the sentence that says what can be added.
export function setFormats(formats) {
  $("file-input").accept = formats.flatMap((format) => format.extensions).join(",");
  const names = formats.map((format) => format.name).sort((a, b) => a.localeCompare(b));
  const last = names.pop();
  $("upload-formats").textContent = names.length ? `${names.join(", ")} and ${last}` : last;
}

async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return [...transfer.files].map((file) => ({ file, name: file.name }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, prefix, found) {
  if (found.length >= MAX_FILES || entry.name.startsWith(".")) return;
  if (entry.isFile) {
    const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
    if (file) found.push({ file, name: prefix + entry.name });
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    const part = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!part.length) return;
    for (const child of part) await walk(child, `${prefix}${entry.name}/`, found);
  }
}

function add(items) {
  if (!items.length) return;
  if (items.length >= MAX_FILES) toast(`Only the first ${MAX_FILES} files were taken. For more, import the folder by its path.`);
  for (const item of items.slice(0, MAX_FILES)) queue.push(row(item));
  $("uploads").hidden = false;
  void work();
}

function row({ file, name }) {
  const bar = el("progress", { max: "1", value: "0", "aria-label": `Progress of ${name}` });
  const state = el("span", { class: "state" }, "waiting");
  const item = { file, name, bar, state, cancelled: false, cancel: null };
  const close = el("button", { class: "icon-button", type: "button", "aria-label": `Cancel or hide ${name}`, onclick: () => dismiss(item) }, icon(ICONS.close));
  item.node = el("li", { data: { state: "waiting" } }, el("span", { class: "name", title: name }, name), bar, state, close);
  $("uploads").append(item.node);
  return item;
}

function dismiss(item) {
  item.cancelled = true;
  item.cancel?.();
  item.node.remove();
  $("uploads").hidden = $("uploads").childElementCount === 0;
}

function set(item, state, text, value) {
  item.node.dataset.state = state;
  item.state.textContent = state === "failed" ? sentence(text) : text;
  if (value !== undefined) item.bar.value = value;
}

async function work() {
  if (busy) return;
  busy = true;
  while (queue.length) {
    const item = queue.shift();
    if (!item.cancelled) await one(item);
  }
  busy = false;
}

async function one(item) {
  if (item.file.size > limit) {
    set(item, "failed", `${bytes(item.file.size)} is over the limit of ${bytes(limit)}.`, 0);
    return;
  }
  try {
    const sending = upload(item.file, item.name, { replace: $("upload-replace").checked, collection: selected() }, (part) => set(item, "sending", `sending ${Math.round(part * 100)} %`, part * 0.5));
    item.cancel = sending.cancel;
    const job = await sending.finished;
    item.cancel = null;
    set(item, "importing", "waiting for import", 0.5);
    changed();
    void follow(item, job.id);
  } catch (error) {
    if (error.name !== "AbortError") set(item, "failed", error.hint ? `${error.message} (${error.hint})` : error.message, 0);
  }
}

async function follow(item, id) {
  for (let wait = 250; !item.cancelled; wait = Math.min(wait * 1.4, 2000)) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const job = await call("GET", `/imports/${encodeURIComponent(id)}`);
      if (["queued", "running", "paused"].includes(job.state)) {
        set(item, "importing", job.state === "running" ? "importing" : job.error || "waiting for import", 0.7);
        continue;
      }
      await finish(item, job);
      return;
    } catch (error) {
      set(item, "failed", error.message, 0);
      return;
    }
  }
}

async function finish(item, job) {
  if (job.failed || job.state === "failed") {
    const items = await call("GET", `/imports/${encodeURIComponent(job.id)}/items?state=failed&limit=1`);
    set(item, "failed", items.items[0]?.error || job.error || "failed", 0);
  } else if (job.skipped) {
    const items = await call("GET", `/imports/${encodeURIComponent(job.id)}/items?state=skipped&limit=1`);
    set(item, "failed", items.items[0]?.error || "skipped", 0);
  } else if (job.state === "cancelled") {
    set(item, "cancelled", "cancelled", 0);
  } else {
    set(item, "done", job.unchanged ? "already there" : "added", 1);
    setTimeout(() => dismiss(item), 8000);
  }
  changed();
}
