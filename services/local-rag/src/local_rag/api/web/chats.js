// The chats of the Ask view: which one is open, its name, its export, its end.
import { call, download } from "./api.js";
import { $, confirmAction, el, plural, showError, toast } from "./dom.js";

const KEY = "local-rag-chat";
let current = null;
let list = [];
let onOpen = () => {};

export function start(open) {
  onOpen = open;
  $("chat-select").addEventListener("change", (event) => { void choose(Number(event.target.value) || null); });
  $("chat-new").addEventListener("click", () => { void choose(null); $("question").focus(); });
  $("chat-rename").addEventListener("click", rename);
  $("chat-export").addEventListener("click", save);
  $("chat-delete").addEventListener("click", remove);
  $("rename-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("rename-dialog").close();
    try {
      await call("PUT", `/chats/${current}`, { name: $("rename-input").value });
      await refresh();
    } catch (error) { showError(error); }
  });
  $("rename-dialog").querySelector("[data-close]").addEventListener("click", () => $("rename-dialog").close());
}

const remember = (id) => { try { if (id) localStorage.setItem(KEY, String(id)); else localStorage.removeItem(KEY); } catch { /* then a reload begins a new one */ } };
const remembered = () => { try { return Number(localStorage.getItem(KEY)) || null; } catch { return null; } };

// Shows the chats; opens the one that was open before a reload.
export async function refresh({ reopen = false } = {}) {
  const page = await call("GET", "/chats?limit=200");
  list = page.items;
  if (reopen && remembered()) {
    if (list.some((chat) => chat.id === remembered())) { await choose(remembered()); return; }
    remember(null);
  }
  draw();
}

function draw() {
  $("chat-bar").hidden = !list.length && !current;
  $("chat-select").replaceChildren(el("option", { value: "" }, "New chat"),
    ...list.map((chat) => el("option", { value: String(chat.id), selected: chat.id === current }, `${chat.name || "Unnamed"} (${plural(chat.turns, "question")})`)));
  $("chat-select").value = current ? String(current) : "";
  for (const name of ["chat-rename", "chat-export", "chat-delete"]) $(name).hidden = !current;
}

async function choose(id) {
  try {
    const found = id ? await call("GET", `/chats/${id}`) : null;
    current = id;
    remember(id);
    draw();
    onOpen(found ? found.turns : []);
  } catch (error) { showError(error); }
}

// The chat that the next question belongs to; begun with the first one.
export async function ensure() {
  if (!current) {
    const chat = await call("POST", "/chats", {});
    current = chat.id;
    remember(current);
  }
  return current;
}

function rename() {
  $("rename-input").value = list.find((chat) => chat.id === current)?.name || "";
  $("rename-dialog").showModal();
  $("rename-input").select();
}

async function save() {
  const chat = list.find((item) => item.id === current);
  try { await download(`/chats/${current}/export?form=markdown`, `${(chat?.name || "chat").replace(/[^\p{L}\p{N}_-]+/gu, "-")}.md`); } catch (error) { showError(error); }
}

async function remove() {
  const chat = list.find((item) => item.id === current);
  const sure = await confirmAction({ title: "Delete this chat?", text: `“${chat?.name || "Unnamed"}” is removed for good. The documents stay.`, ok: "Delete" });
  if (!sure) return;
  try {
    await call("DELETE", `/chats/${current}`);
    toast("The chat is deleted.");
    await choose(null);
    await refresh();
  } catch (error) { showError(error); }
}
