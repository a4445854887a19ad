// The Documents view: the list, one document's page, deleting, restoring and purging.
import { call } from "./api.js";
import * as collections from "./collections.js";
import * as reader from "./reader.js";
import { $, bytes, confirmAction, date, el, place, plural, showError, toast, typeName } from "./dom.js";

const PAGE = 25;
const state = { offset: 0, filter: "", deleted: false };
let latest = 0;

export function start() {
  let timer;
  $("documents-filter").addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(() => { state.filter = event.target.value.trim(); state.offset = 0; void refresh(); }, 200);
  });
  $("documents-deleted").addEventListener("change", (event) => { state.deleted = event.target.checked; state.offset = 0; void refresh(); });
  reader.start();
  collections.start({ onChange: () => { state.offset = 0; void refresh(); } });
}

export async function show() {
  try { await collections.refresh(); } catch (error) { showError(error); }
  await refresh();
}

export async function refresh() {
  const mine = (latest += 1);
  const query = new URLSearchParams({ limit: String(PAGE), offset: String(state.offset), deleted: String(state.deleted) });
  if (state.filter) query.set("q", state.filter);
  if (collections.selected()) query.set("collection", String(collections.selected()));
  try {
    const page = await call("GET", `/documents?${query}`);
    if (mine !== latest) return;
    if (!page.items.length && state.offset) { state.offset = Math.max(0, state.offset - PAGE); await refresh(); return; }
    render(page);
  } catch (error) {
    showError(error);
  }
}

function render(page) {
  $("documents-count").textContent = plural(page.total, "document");
  const list = $("documents-list");
  if (!page.items.length) {
    list.replaceChildren(el("div", { class: "empty" }, el("p", {}, state.filter ? "No document matches the filter." : "No documents yet. Drop some above.")));
  } else {
    const row = document.activeElement?.closest("#documents-list tr[data-id]");
    const nth = row ? [...row.querySelectorAll("button")].indexOf(document.activeElement) : -1;
    list.replaceChildren(table(page.items));
    // An import that ends draws the list again, and must not take the keyboard away.
    if (row) list.querySelector(`tr[data-id="${CSS.escape(row.dataset.id)}"]`)?.querySelectorAll("button")[nth]?.focus();
  }
  const pager = $("documents-pager");
  pager.hidden = page.total <= PAGE;
  const step = (text, offset, off) => el("button", { class: "button small", type: "button", disabled: off, onclick: () => { state.offset = offset; void refresh(); } }, text);
  pager.replaceChildren(step("Previous", state.offset - PAGE, state.offset === 0),
    el("span", { class: "muted" }, `${state.offset + 1}–${Math.min(state.offset + PAGE, page.total)} of ${page.total.toLocaleString()}`),
    step("Next", state.offset + PAGE, state.offset + PAGE >= page.total));
}

function table(items) {
  const columns = ["", "c-type", "c-size", "c-date", "c-act"];
  return el("table", {}, el("colgroup", {}, columns.map((name) => el("col", { class: name }))),
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Title"), el("th", { scope: "col" }, "Type"),
      el("th", { scope: "col", class: "num" }, "Size"), el("th", { scope: "col" }, "Changed"), el("th", { scope: "col" }, el("span", { class: "sr-only" }, "Actions")))),
    el("tbody", {}, items.map(line)));
}

function line(item) {
  const act = (text, label, run, danger) => el("button", { class: danger ? "button small danger" : "button small quiet", type: "button", "aria-label": `${label} ${item.title}`, onclick: run }, text);
  const actions = item.deleted
    ? [act("Restore", "Restore", () => restore(item)), act("Purge", "Purge", () => purge(item), true)]
    : [act("Show", "Show", () => open(item.id)), act("Delete", "Delete", () => remove(item))];
  return el("tr", { class: item.deleted ? "gone" : null, data: { id: String(item.id) } },
    el("th", { scope: "row" }, el("button", { class: "doc-title", type: "button", title: item.title, onclick: () => open(item.id) }, item.title), el("span", { class: "doc-uri", title: item.uri }, place(item.uri))),
    el("td", { class: "meta" }, typeName(item.media_type)), el("td", { class: "meta num" }, bytes(item.size)),
    el("td", { class: "meta" }, item.deleted ? "deleted" : date(item.updated)), el("td", { class: "actions" }, actions));
}

// Opens a document, at a passage where `at` names one.
export const open = (id, at) => reader.open(id, at, (item) => (item.deleted
  ? [el("button", { class: "button", type: "button", onclick: () => restore(item) }, "Restore"), el("button", { class: "button danger", type: "button", onclick: () => purge(item) }, "Purge")]
  : [collections.mover(item), el("button", { class: "button danger", type: "button", onclick: () => remove(item) }, "Delete")].filter(Boolean)));

const rows = () => [...$("documents-list").querySelectorAll("tbody tr")];

// The button that was pressed is gone with its row. Whoever works by keyboard goes on in its place.
function stay(at) {
  const left = rows();
  (left[Math.min(at, left.length - 1)]?.querySelector("button") || $("documents-filter")).focus();
}

async function act(work, done) {
  try {
    await work();
    if ($("document-dialog").open) $("document-dialog").close();
    toast(done);
    const at = rows().indexOf(document.activeElement?.closest("tr"));
    await refresh();
    if (at >= 0) stay(at);
  } catch (error) {
    showError(error);
  }
}

const remove = (item) => act(() => call("DELETE", `/documents/${item.id}`), `“${item.title}” is deleted. “Show deleted” lists it.`);
const restore = (item) => act(() => call("POST", `/documents/${item.id}/restore`), `“${item.title}” is back.`);

async function purge(item) {
  const sure = await confirmAction({ title: "Purge this document?", text: `“${item.title}” leaves the index for good. The original file is not touched.`, ok: "Purge" });
  if (sure) await act(() => call("DELETE", `/documents/${item.id}?purge=true`), `“${item.title}” is purged.`);
}
