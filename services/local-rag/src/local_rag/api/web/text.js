// Turns an answer's text into nodes: paragraphs, lists, bold, code and [1] citation buttons.
import { el } from "./dom.js";

const INLINE = /\*\*([^*\n]+)\*\*|`([^`\n]+)`|\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]/g;

function inline(text, cite) {
  const nodes = [];
  let last = 0;
  for (const match of text.matchAll(INLINE)) {
    nodes.push(text.slice(last, match.index));
    if (match[1]) nodes.push(el("strong", {}, match[1]));
    else if (match[2]) nodes.push(el("code", {}, match[2]));
    else nodes.push(...match[3].split(",").map((number) => cite(Number(number)) || `[${number.trim()}]`));
    last = match.index + match[0].length;
  }
  nodes.push(text.slice(last));
  return nodes.filter((node) => node !== "");
}

function lines(text, cite) {
  return text.split("\n").flatMap((line, index) => (index ? [el("br"), ...inline(line, cite)] : inline(line, cite)));
}

export function render(text, cite) {
  return text.trim().split(/\n{2,}/).filter(Boolean).flatMap((block) => {
    const rows = block.split("\n");
    const first = rows.findIndex((row) => /^\s*(?:[-*•]|\d+[.)])\s+/.test(row));
    if (first < 0) return [el(/^[“„«]/.test(block) ? "blockquote" : "p", {}, lines(block, cite))];
    const ordered = /^\s*\d/.test(rows[first]);
    const items = [];
    for (const row of rows.slice(first)) {
      if (/^\s*(?:[-*•]|\d+[.)])\s+/.test(row)) items.push(row.replace(/^\s*(?:[-*•]|\d+[.)])\s+/, ""));
      else items[items.length - 1] += `\n${row}`;
    }
    const list = el(ordered ? "ol" : "ul", {}, items.map((item) => el("li", {}, lines(item, cite))));
    return first ? [el("p", {}, lines(rows.slice(0, first).join("\n"), cite)), list] : [list];
  });
}
