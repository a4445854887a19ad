// One document's dialogue: its text window by window, a passage lit in it, the original file.
import { call, download } from "./api.js";
import { $, bytes, callout, date, el, place, showError, toast, typeName } from "./dom.js";

const WINDOW = 20000;
// As much as stands above a passage, so that it can be understood.
const BEFORE = 3000;
let shown = null;

export function start() {
  const dialog = $("document-dialog");
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => { shown = null; });
}

// `at` says where to open it: { quote, chunk } of a citation, or nothing for its beginning.
export async function open(id, at = {}, buttons = () => []) {
  try {
    const item = await call("GET", `/documents/${id}`);
    shown = { item, mark: null, offset: 0, lost: null };
    if (at.quote || at.chunk) await locate(at);
    $("document-title").textContent = item.title;
    $("document-body").replaceChildren(
      el("div", { id: "reader-lost" }),
      el("div", { class: "reader-bar", id: "reader-bar" }),
      el("div", { class: "doc-content", id: "reader-text", tabindex: "0", role: "region", "aria-label": "Text" }),
      el("details", { class: "reader-facts", id: "reader-facts" }, el("summary", {}, "About this document"), facts(item)),
      el("div", { class: "row end" }, buttons(item)));
    const content = await load();
    if (!$("document-dialog").open) $("document-dialog").showModal();
    paint(content);
  } catch (error) { showError(error); }
}

async function locate({ quote, chunk, page }) {
  const query = new URLSearchParams();
  if (quote) query.set("quote", quote.slice(0, 3000));
  if (chunk) query.set("chunk", String(chunk));
  if (page) query.set("page", String(page));
  try {
    const found = await call("GET", `/documents/${shown.item.id}/place?${query}`);
    if (!page) shown.mark = found;
    shown.offset = Math.max(0, found.start - (page ? 0 : BEFORE));
  } catch (error) {
    if (error.status !== 404) throw error;
    // An id of a passage lasts until its document is imported again; what it says may still be there.
    if (quote && chunk) return locate({ quote });
    shown.lost = error;
  }
  return undefined;
}

function facts(item) {
  const list = [["Source", place(item.uri)], ["Also found at", item.sources.filter((uri) => uri !== item.uri).map(place).join("\n")], ["Type", typeName(item.media_type)],
    ["Size", bytes(item.size)], ["Pages", item.pages], ["Pieces in the index", item.chunk_count], ["Added", date(item.created)],
    ["Changed", date(item.updated)], ["Deleted", date(item.deleted)], ...Object.entries(item.metadata), ["Content hash", item.content_hash]];
  return el("dl", { class: "facts" }, list.filter(([, value]) => value !== null && value !== "" && value !== undefined)
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))]));
}

const load = () => call("GET", `/documents/${shown.item.id}/content?offset=${shown.offset}&limit=${WINDOW}`, undefined, { accept: [404] });

async function draw() {
  const mine = shown;
  const content = await load();
  if (mine === shown) paint(content);
}

function paint(content) {
  const mine = shown;
  $("reader-lost").replaceChildren(...(mine.lost ? [callout(mine.lost.message, mine.lost.hint)] : []));
  if (content.text === undefined) { $("reader-text").replaceChildren("The text is not there."); return; }
  bar(content);
  $("reader-text").replaceChildren(...content.parts.flatMap((part, index) => block(content, part, content.parts[index - 1])));
  const lit = $("reader-text").querySelector("mark");
  if (lit) lit.scrollIntoView({ block: "center" }); else $("reader-text").scrollTop = 0;
}

// A part of the text, under the number of its page where a page begins.
function block(content, part, before) {
  const from = Math.max(part.start, content.offset);
  const to = Math.min(part.end, content.offset + content.text.length);
  const text = (start, end) => content.text.slice(start - content.offset, end - content.offset);
  const mark = shown.mark;
  const lit = mark && mark.start < to && mark.end > from ? [Math.max(mark.start, from), Math.min(mark.end, to)] : null;
  const nodes = lit ? [text(from, lit[0]), el("mark", {}, text(...lit)), text(lit[1], to)] : [text(from, to)];
  const numbered = part.page && part.page !== before?.page;
  return [numbered ? el("p", { class: "reader-page" }, `Page ${part.page}`) : null, el("div", { class: "reader-part" }, nodes)].filter(Boolean);
}

function bar(content) {
  const { item, offset } = shown;
  const end = offset + content.text.length;
  const go = (to) => { shown.offset = to; draw().catch(showError); };
  const step = (text, to, off) => el("button", { class: "button small", type: "button", disabled: off, onclick: () => go(to) }, text);
  const pages = content.parts.map((part) => part.page).filter(Boolean);
  const where = pages.length
    ? `Page ${pages[0]}${pages.at(-1) > pages[0] ? `–${pages.at(-1)}` : ""} of ${item.pages}`
    : `${Math.round((100 * end) / Math.max(content.total_chars, 1))} %`;
  const jump = item.pages > 1 ? el("form", { class: "reader-jump", onsubmit: (event) => { event.preventDefault(); const page = Number(new FormData(event.target).get("page")); if (page) locate({ page }).then(draw).catch(showError); } },
    el("label", { class: "inline-field" }, "Page", el("input", { type: "number", name: "page", min: "1", max: String(item.pages), value: String(pages[0] || 1) })),
    el("button", { class: "button small", type: "submit" }, "Go")) : null;
  const long = content.total_chars > WINDOW;
  $("reader-bar").replaceChildren(...[
    long ? step("Earlier", Math.max(0, offset - WINDOW), offset === 0) : null,
    long ? el("span", { class: "muted", role: "status" }, where) : null,
    long ? step("Later", end, end >= content.total_chars) : null,
    jump,
    shown.mark ? el("button", { class: "button small quiet", type: "button", onclick: () => go(Math.max(0, shown.mark.start - BEFORE)) }, "To the passage") : null,
    el("span", { class: "grow" }),
    original(item)].filter(Boolean));
}

function original(item) {
  if (!item.sources.some((uri) => uri.startsWith("file:"))) {
    const href = /^https?:/.test(item.uri) ? item.uri : null;
    return href ? el("a", { class: "button small", href, target: "_blank", rel: "noopener noreferrer" }, "Open the original page") : null;
  }
  const name = decodeURIComponent(item.sources.find((uri) => uri.startsWith("file:")).split("/").at(-1));
  return el("button", { class: "button small", type: "button", onclick: async () => {
    try {
      const response = await download(`/documents/${item.id}/original`, name);
      if (response.headers.get("Local-Rag-Changed")) toast("The file has changed since it was imported.");
    } catch (error) { showError(error); }
  } }, "Download the original");
}
