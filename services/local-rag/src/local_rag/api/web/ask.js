// The Ask view: a question, the stream of its answer, and where the answer comes from.
import { call, events } from "./api.js";
import { $, callout, el, place, plural, shortPlace, showError } from "./dom.js";
import * as chats from "./chats.js";
import * as collections from "./collections.js";
import { refresh } from "./system.js";
import { render } from "./text.js";

// The modes of an answer that states something.
const STATED = ["generated", "extracted"];
let running = null;
let counter = 0;

export function start(openDocument) {
  const form = $("ask-form");
  const box = $("question");
  const grow = () => { box.style.height = "auto"; box.style.height = `${box.scrollHeight}px`; };
  box.addEventListener("input", grow);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  $("ask-stop").addEventListener("click", () => running?.abort());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const question = box.value.trim();
    if (!question || running) return;
    const k = $("ask-k").value;
    box.value = "";
    grow();
    const answered = await ask({ question, collections: collections.asked(), ...(k ? { k: Number(k) } : {}) }, openDocument);
    // So that it can be asked again; what was typed meanwhile is not overwritten.
    if (!answered && !box.value) box.value = question;
    grow();
  });
  chats.start((turns) => replay(turns, openDocument));
  grow();
}

let opened = false;

export async function show() {
  $("question").focus({ preventScroll: true });
  try {
    await collections.refresh();
    await chats.refresh({ reopen: !opened });
    opened = true;
    const page = await call("GET", "/documents?limit=1");
    showEmpty(page.total);
  } catch (error) { showError(error); }
}

function showEmpty(total) {
  const box = $("ask-empty");
  box.hidden = $("answers").childElementCount > 0;
  if (total === 0) {
    box.replaceChildren(el("h2", {}, "No documents yet"),
      el("p", {}, "Add some, and the answers will come from them. Nothing leaves this machine."),
      el("div", { class: "row" }, el("a", { class: "button", href: "#documents" }, "Add documents")));
  } else {
    box.replaceChildren(el("p", {}, `${plural(total, "document")} ready to be asked. Nothing leaves this machine.`));
  }
}

// Shows a chat as it was: its answers are kept by the service.
function replay(turns, openDocument) {
  running?.abort();
  const views = turns.map((turn) => {
    const view = new AnswerView(turn.question, openDocument);
    view.asked(turn);
    if (!turn.answer) view.fail("This question was not answered.", "Ask it again.");
    else if (turn.answer.mode === "stopped") { view.text = turn.answer.text; view.stopped(); }
    else { view.found = turn.answer.passages || []; view.done(turn.answer, null); }
    return view.node;
  });
  $("answers").replaceChildren(...views.reverse());
  $("ask-empty").hidden = turns.length > 0 || !$("ask-empty").childElementCount;
}

async function ask(body, openDocument) {
  running = new AbortController();
  const view = new AnswerView(body.question, openDocument);
  view.again = (question) => { if (!running) void ask({ ...body, question, rewrite: false }, openDocument); };
  $("ask-empty").hidden = true;
  $("answers").prepend(view.node);
  busy(true);
  $("ask-status").textContent = "Searching your documents.";
  try {
    const chat = await chats.ensure();
    for await (const event of events(`/chats/${chat}/query`, { ...body, stream: true }, running.signal)) {
      if (event.name === "question") view.asked(event.data);
      else if (event.name === "passages") view.passages(event.data.passages);
      else if (event.name === "token") view.token(event.data.text);
      else if (event.name === "done") view.done(event.data);
      else if (event.name === "error") view.fail(event.data.error, event.data.details?.hint);
    }
    if (!view.ended) view.fail("The answer broke off before its end.", "Ask again, or look at the System page.");
  } catch (error) {
    if (error.name === "AbortError") view.stopped();
    else view.fail(error.message, error.hint);
  } finally {
    running = null;
    busy(false);
    void chats.refresh().catch(() => {});
    $("ask-status").textContent = view.summary;
    $("question").focus({ preventScroll: true });
  }
  if (view.failed) void refresh();
  return !view.failed;
}

function busy(on) {
  $("ask-submit").disabled = on;
  $("ask-submit").hidden = on;
  $("ask-stop").hidden = !on;
}

class AnswerView {
  constructor(question, openDocument) {
    this.id = `a${(counter += 1)}`;
    this.openDocument = openDocument;
    this.text = "";
    this.found = [];
    this.citations = new Map();
    this.quotes = new Map();
    this.ended = false;
    this.failed = false;
    this.summary = "";
    this.paint = 0;
    this.began = performance.now();
    this.body = el("div", { class: "answer-text streaming", "aria-busy": "true" }, el("p", { class: "waiting" }, "Searching "));
    this.foot = el("div", { class: "answer-foot" });
    this.sources = el("aside", { class: "sources", "aria-label": "Sources", hidden: true });
    this.grid = el("div", { class: "answer-grid" }, el("div", {}, this.body, this.foot), this.sources);
    this.note = el("p", { class: "answer-asked", hidden: true });
    this.node = el("article", { class: "answer", "aria-label": question },
      el("h2", { class: "answer-question" }, question), this.note, this.grid);
  }

  // A follow-up question is asked with the words of the one before; whoever asked can undo that.
  asked({ question, asked }) {
    if (!asked || asked === question) return;
    this.note.replaceChildren(`Asked as: ${asked}`,
      this.again ? el("button", { class: "button small quiet", type: "button", onclick: () => this.again(question) }, "Ask as typed") : "");
    this.note.hidden = false;
  }

  passages(found) {
    this.found = found;
    if (found.length && !this.text) this.body.replaceChildren(el("p", { class: "waiting" }, `Reading ${plural(found.length, "passage")} `));
    $("ask-status").textContent = `Found ${plural(found.length, "passage")}. Looking for the answer.`;
    this.showSources(found.map((passage, index) => ({ ...passage, number: index + 1, snippet: passage.text })), "Passages found");
  }

  token(text) {
    this.text += text;
    // One paint a frame: on a small machine that costs less than one a token.
    if (!this.paint) this.paint = requestAnimationFrame(() => { this.paint = 0; this.showText(); });
  }

  showText() {
    this.body.replaceChildren(...render(this.text, (number) => this.cite(number)));
  }

  cite(number) {
    const known = this.citations.get(number) || (!this.ended && this.found[number - 1]);
    if (!known) return null;
    return el("button", { class: "cite", type: "button", "aria-label": `Source ${number}: ${known.title}`, onclick: () => this.light(number) }, String(number));
  }

  light(number) {
    const source = document.getElementById(`${this.id}-s${number}`);
    if (!source) return;
    for (const other of this.sources.querySelectorAll(".lit")) other.classList.remove("lit");
    source.classList.add("lit");
    source.scrollIntoView({ block: "nearest" });
    source.querySelector("button")?.focus();
  }

  // Without the time that it took, when it is shown again.
  done(answer, began = this.began) {
    this.end();
    this.text = answer.text;
    this.citations = new Map(answer.citations.map((citation) => [citation.number, citation]));
    this.quotes = new Map((answer.quotes || []).map((quote) => [quote.number, quote]).reverse());
    if (STATED.includes(answer.mode) || answer.mode === "uncertain") {
      this.showText();
      if (answer.reason) this.body.append(el("p", { class: "answer-reason" }, answer.reason));
      if (answer.citations.length) this.showSources(answer.citations, plural(answer.citations.length, "source"));
      else this.showSources(this.found.map((p, i) => ({ ...p, number: i + 1, snippet: p.text })), "Passages found, none of them cited");
    } else if (answer.mode === "retrieval-only") {
      this.grid.classList.add("solo");
      this.body.replaceChildren(callout("No answer was written. These passages fit the question best.", answer.reason));
      this.showSources(answer.citations.length ? answer.citations : this.found.map((p, i) => ({ ...p, number: i + 1, snippet: p.text })), "Passages");
    } else {
      this.grid.classList.add("solo");
      this.body.replaceChildren(callout(answer.text || "That is not in your documents.", answer.reason, "plain"));
      this.sources.hidden = true;
    }
    const parts = began === null ? [] : [`${((performance.now() - began) / 1000).toFixed(1)} s`];
    if (answer.tokens) parts.push(plural(answer.tokens, "token"));
    const copy = el("button", { class: "button small quiet", type: "button", onclick: () => navigator.clipboard.writeText(answer.text).then(() => { copy.textContent = "Copied"; }).catch(showError) }, "Copy");
    this.foot.replaceChildren(...(answer.text && navigator.clipboard ? [copy] : []), parts.join(" · "));
    this.summary = STATED.includes(answer.mode) ? `Answer complete, with ${plural(answer.citations.length, "source")}.`
      : answer.mode === "uncertain" ? "Your documents do not clearly answer this; what comes nearest is shown."
      : answer.mode === "not-found" ? "That is not in your documents." : "No answer was written; passages are listed.";
  }

  end() {
    this.ended = true;
    if (this.paint) cancelAnimationFrame(this.paint);
    this.paint = 0;
    this.body.classList.remove("streaming");
    this.body.setAttribute("aria-busy", "false");
  }

  stopped() {
    this.end();
    if (this.text) this.showText(); else this.body.replaceChildren();
    this.foot.replaceChildren("Stopped.");
    this.summary = "Stopped.";
  }

  fail(message, hint) {
    this.end();
    this.failed = true;
    if (this.text) this.showText(); else this.body.replaceChildren();
    this.body.append(callout(message, hint, "bad"));
    this.summary = message;
  }

  showSources(list, title) {
    this.sources.hidden = list.length === 0;
    this.sources.replaceChildren(el("h3", {}, title), el("ol", {}, list.map((source) => this.source(source))));
  }

  source(source) {
    const meta = [source.page ? `page ${source.page}` : null, source.heading, shortPlace(source.uri)].filter(Boolean).join(" · ");
    return el("li", { class: "source", id: `${this.id}-s${source.number}` },
      el("div", { class: "source-head" },
        el("span", { class: "source-number", "aria-hidden": "true" }, String(source.number)),
        el("button", { class: "source-title", type: "button", onclick: () => this.openDocument(source.document_id, { quote: source.snippet, chunk: source.chunk_id }) }, source.title)),
      el("p", { class: "source-meta", title: place(source.uri) }, meta),
      el("p", { class: "source-text" }, this.marked(source)));
  }

  // The sentence that fits best is lit; its neighbour is there so that it can be understood.
  marked(source) {
    const quote = this.quotes.get(source.number);
    const passage = this.found[source.number - 1];
    if (!quote || !passage || !this.ended) return source.snippet;
    const part = (from, to) => [...passage.text].slice(from, to).join("");
    return [part(quote.start, quote.key_start), el("mark", {}, part(quote.key_start, quote.key_end)), part(quote.key_end, quote.end)];
  }
}
