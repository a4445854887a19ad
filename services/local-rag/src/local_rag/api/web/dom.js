// Small helpers for building the page. Text is always set as text, never as markup.
export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") node.className = value;
    else if (key === "data") Object.assign(node.dataset, value);
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS(SVG, "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
}
export const ICONS = {
  alert: "M12 4l9 16H3zM12 10v4M12 17v.5",
  close: "M6 6l12 12M18 6L6 18",
  search: "M16 16l4 4M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14z",
};

export function callout(text, more, kind = "") {
  return el("div", { class: `callout ${kind}`.trim(), role: kind === "bad" ? "alert" : null },
    icon(kind === "plain" ? ICONS.search : ICONS.alert), el("div", {}, el("p", {}, sentence(text)), more ? el("p", {}, sentence(more)) : null));
}

export function toast(text) {
  const node = el("div", { class: "toast" }, text);
  $("toasts").append(node);
  setTimeout(() => node.remove(), 5000);
}

export function showError(error) {
  toast(sentence(error.hint ? `${error.message} (${error.hint})` : error.message));
}

export function bytes(count) {
  if (count === null || count === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = count, unit = 0;
  while (value >= 1000 && unit < units.length - 1) { value /= 1000; unit += 1; }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function date(text) {
  if (!text) return "";
  const value = new Date(text);
  const today = new Date().toDateString() === value.toDateString();
  return today
    ? `today, ${value.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`
    : value.toLocaleDateString([], { year: "numeric", month: "short", day: "numeric" });
}

export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}

let uploadsUri = null;
export function setUploadsUri(uri) { uploadsUri = uri; }

// Where a document comes from, as people write it.
export function place(uri) {
  const decode = (text) => { try { return decodeURIComponent(text); } catch { return text; } };
  if (uploadsUri && uri.startsWith(uploadsUri)) return `Uploaded: ${decode(uri.slice(uploadsUri.length))}`;
  return uri.startsWith("file:///") ? decode(uri.slice(7)) : uri;
}

// Messages of the service begin small, because some stand inside sentences. A first word that is
// a name, such as that of a model's file, stays as it is.
export function sentence(text) {
  return /^[a-z]+[ ,;:]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text;
}

// The end of a long path says more than its beginning.
export function shortPlace(uri) {
  const text = place(uri);
  const parts = text.split("/");
  return text.length > 48 && parts.length > 4 ? `…/${parts.slice(-2).join("/")}` : text;
}

// Media type to name, as the service says.
const types = new Map();
export function setTypes(formats) {
  for (const format of formats) for (const type of format.media_types) types.set(type, format.name);
}
export const typeName = (mediaType) => types.get(mediaType) || mediaType;

// Asks before something that cannot be taken back; with `word`, it must be typed out.
export function confirmAction({ title, text, ok, word }) {
  const dialog = $("confirm-dialog");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-ok").textContent = ok;
  $("confirm-word-field").hidden = !word;
  const input = $("confirm-word");
  input.value = "";
  const check = () => { $("confirm-ok").disabled = Boolean(word) && input.value !== word; };
  $("confirm-word-label").textContent = word ? `Type “${word}” to confirm` : "";
  input.oninput = check;
  check();
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok"), { once: true });
  });
}
