// Talks to the service: JSON calls, uploads with progress, and server-sent events over POST.
const BASE = "/api/v1";
const TOKEN_KEY = "local-rag-token";
let askForToken = null;

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error || `The service answered with status ${status}.`);
    this.status = status;
    this.details = body?.details ?? {};
  }
  get hint() { return this.details.hint || ""; }
}

export function onTokenNeeded(handler) { askForToken = handler; }

function readToken() {
  try { return sessionStorage.getItem(TOKEN_KEY) || ""; } catch { return ""; }
}

export function saveToken(token) {
  try { sessionStorage.setItem(TOKEN_KEY, token); } catch { /* asked for again then */ }
}

function headers(extra) {
  const token = readToken();
  return token ? { ...extra, Authorization: `Bearer ${token}` } : { ...extra };
}

async function failure(response) {
  let body = null;
  try { body = await response.json(); } catch { /* not from the service itself */ }
  return new ApiError(response.status, body);
}

async function send(path, options, retry = true) {
  let response;
  try {
    response = await fetch(BASE + path, { ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { error: "The service does not answer.", details: { hint: "Is it running? Try: systemctl status local-rag" } });
  }
  if (response.status === 401 && retry && askForToken) {
    await askForToken();
    return send(path, options, false);
  }
  return response;
}

export async function call(method, path, body, { accept = [] } = {}) {
  const options = { method, headers: { Accept: "application/json" } };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await send(path, options);
  if (!response.ok && !accept.includes(response.status)) throw await failure(response);
  return response.status === 204 ? null : response.json();
}

export async function download(path, name) {
  const response = await send(path, { method: "GET" });
  if (!response.ok) throw await failure(response);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  return response;
}

// XMLHttpRequest, because fetch cannot report how much of a body has been sent.
export function upload(file, name, { replace, collection }, onProgress) {
  const request = new XMLHttpRequest();
  const finished = new Promise((resolve, reject) => {
    request.open("POST", `${BASE}/documents`);
    for (const [key, value] of Object.entries(headers({ Accept: "application/json" }))) request.setRequestHeader(key, value);
    request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    request.onload = () => {
      let body = null;
      try { body = JSON.parse(request.responseText); } catch { /* not from the service itself */ }
      if (request.status >= 200 && request.status < 300) resolve(body);
      else reject(new ApiError(request.status, body));
    };
    request.onerror = () => reject(new ApiError(0, { error: "The upload broke off. The file may be over the limit, or the service stopped." }));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    const form = new FormData();
    form.append("replace", String(replace));
    if (collection) form.append("collection", String(collection));
    form.append("file", file, name);
    request.send(form);
  });
  return { finished, cancel: () => request.abort() };
}

export async function* events(path, body, signal) {
  const response = await send(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(body),
    signal,
  });
  if (!response.ok) throw await failure(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      buffer += value;
      let end;
      while ((end = buffer.indexOf("\n\n")) >= 0) {
        const event = parseEvent(buffer.slice(0, end));
        buffer = buffer.slice(end + 2);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function parseEvent(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
