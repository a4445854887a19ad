// Collections: which is asked, which is shown and added to, their names and watched folders.
import { call } from "./api.js";
import { $, confirmAction, el, plural, showError, toast } from "./dom.js";

let items = [];
let shown = null;
let changed = () => {};

export function start({ onChange }) {
  changed = onChange;
  $("collection-filter").addEventListener("change", (event) => { shown = Number(event.target.value) || null; draw(); changed(); });
  $("collection-new").addEventListener("click", () => openDialog(null));
  $("collection-edit").addEventListener("click", () => openDialog(current()));
  $("collection-dialog").querySelector("[data-close]").addEventListener("click", () => $("collection-dialog").close());
  $("collection-form").addEventListener("submit", save);
  $("collection-delete").addEventListener("click", remove);
}

const current = () => items.find((item) => item.id === shown) || null;

// The collection that is shown, which what is added belongs to; null for all documents.
export const selected = () => shown;

// What a question is asked of: nothing for all documents.
export function asked() {
  const id = Number($("ask-collection").value);
  return id ? [id] : [];
}

export async function refresh() {
  ({ items } = await call("GET", "/collections"));
  if (!current()) shown = null;
  draw();
}

function draw() {
  const options = (all) => [el("option", { value: "" }, all), ...items.map((item) => el("option", { value: String(item.id) }, `${item.name} (${item.documents})`))];
  const ask = $("ask-collection").value;
  $("ask-collection").replaceChildren(...options("all documents"));
  $("ask-collection").value = items.some((item) => String(item.id) === ask) ? ask : "";
  $("ask-collection-field").hidden = !items.length;
  $("collection-filter").replaceChildren(...options("All documents"));
  $("collection-filter").value = shown ? String(shown) : "";
  $("collection-filter-field").hidden = !items.length;
  $("collection-edit").hidden = !shown;
  const folders = current()?.folders || [];
  $("collection-note").hidden = !shown;
  $("collection-note").textContent = shown ? `What you add now belongs to “${current().name}”.${folders.length ? ` Watched: ${folders.join(", ")}` : ""}` : "";
}

function openDialog(collection) {
  $("collection-title").textContent = collection ? "Collection" : "New collection";
  $("collection-name").value = collection?.name || "";
  $("collection-folder").value = "";
  $("collection-delete").hidden = !collection;
  $("collection-form").dataset.id = collection ? String(collection.id) : "";
  $("collection-folders").replaceChildren(...(collection?.folders || []).map((path) => el("li", {}, el("span", { class: "uri" }, path),
    el("button", { class: "button small quiet", type: "button", "aria-label": `Watch ${path} no more`, onclick: () => unwatch(collection.id, path) }, "Watch no more"))));
  $("collection-dialog").showModal();
}

async function save(event) {
  event.preventDefault();
  const name = $("collection-name").value.trim();
  const folder = $("collection-folder").value.trim();
  try {
    let id = Number($("collection-form").dataset.id) || null;
    if (!id) ({ id } = await call("POST", "/collections", { name }));
    else if (name !== current()?.name) await call("PUT", `/collections/${id}`, { name });
    // It is there now, also when its folder cannot be read.
    $("collection-form").dataset.id = String(id);
    shown = id;
    await refresh();
    if (folder) {
      await call("POST", `/collections/${id}/folders`, { path: folder });
      document.dispatchEvent(new Event("import-begun"));
    }
    $("collection-dialog").close();
    await refresh();
    changed();
  } catch (error) { showError(error); }
}

async function unwatch(id, path) {
  try {
    await call("DELETE", `/collections/${id}/folders?${new URLSearchParams({ path })}`);
    $("collection-dialog").close();
    toast("The folder is watched no more. Its documents stay.");
    await refresh();
  } catch (error) { showError(error); }
}

async function remove() {
  const collection = current();
  $("collection-dialog").close();
  const sure = await confirmAction({ title: "Delete this collection?", text: `“${collection.name}” is removed. Its ${plural(collection.documents, "document")} stay; its folders are watched no more.`, ok: "Delete" });
  if (!sure) return;
  try {
    await call("DELETE", `/collections/${collection.id}`);
    shown = null;
    await refresh();
    changed();
  } catch (error) { showError(error); }
}

// A choice of collections for one document.
export function mover(item) {
  if (!items.length) return null;
  return el("label", { class: "inline-field" }, "Move to",
    el("select", { "aria-label": `Collection of ${item.title}`, onchange: async (event) => {
      const to = event.target.value;
      if (!to) return;
      try {
        await call("PUT", `/documents/${item.id}/collection`, { collection: to === "none" ? null : Number(to) });
        toast(`“${item.title}” is moved.`);
        await refresh();
        changed();
      } catch (error) { showError(error); }
    } }, el("option", { value: "" }, "…"), el("option", { value: "none" }, "no collection"), items.map((entry) => el("option", { value: String(entry.id) }, entry.name))));
}

