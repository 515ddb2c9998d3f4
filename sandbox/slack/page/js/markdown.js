/** The markdown block: the common part of Markdown as elements. */

import { withEmoji } from "./emoji.js";
import { fragment, h, safeUrl } from "./dom.js";
import { anchor } from "./mrkdwn.js";

const DEEPEST = 6;
const INLINE = new RegExp(
  [
    "(?<escape>\\\\[\\\\`*_~[\\]()#>|!-])",
    "(?<code>`[^`\\n]+`)",
    "!?\\[(?<label>[^\\]\\n]*)\\]\\((?<url>[^()\\s]+)\\)",
    "\\*\\*(?<bold>\\S(?:[\\s\\S]*?\\S)?)\\*\\*",
    "~~(?<strike>\\S(?:.*?\\S)?)~~",
    "(?<![\\w*])\\*(?<star>[^\\s*](?:[^*]*[^\\s*])?)\\*(?!\\w)",
    "(?<![\\w_])_(?<under>[^\\s_](?:[^_]*[^\\s_])?)_(?!\\w)",
    "(?<bare>https?:\\/\\/[^\\s<>]*[^\\s<>.,;:!?)])",
  ].join("|"),
  "g",
);

/** Return Markdown as a fragment. */
export function markdown(text, session) {
  return blocks(String(text).replace(/\r\n?/g, "\n").split("\n"), session, 0);
}

function blocks(lines, session, depth) {
  const made = fragment();
  for (let at = 0; at < lines.length;) {
    const found = STARTS.find(([start]) => start.test(lines[at]));
    const [read] = found ? [found[1]] : [paragraph];
    const [node, next] = read(lines, at, session, depth);
    if (node) made.append(node);
    at = next;
  }
  return made;
}

const STARTS = [
  [/^\s*$/, (lines, at) => [null, at + 1]],
  [/^ {0,3}(```|~~~)/, fenced],
  [/^ {0,3}#{1,6}\s/, heading],
  [/^ {0,3}([-*_])(\s*\1){2,}\s*$/, (lines, at) => [h("hr"), at + 1]],
  [/^ {0,3}>/, quote],
  [/^\s*(?:[-*+]|\d{1,9}[.)])\s+/, list],
  [/^\s*\|.*\|\s*$/, table],
];

function paragraph(lines, at, session) {
  let end = at + 1;
  while (end < lines.length && !STARTS.some(([start]) => start.test(lines[end]))) end += 1;
  return [h("p", {}, broken(lines.slice(at, end), session)), end];
}

function broken(lines, session) {
  return lines.flatMap((line, index) => [index > 0 && h("br"), inline(line.trim(), session)]);
}

function fenced(lines, at) {
  const fence = /^\s*(```|~~~)/.exec(lines[at])[1];
  let end = at + 1;
  while (end < lines.length && !lines[end].trimStart().startsWith(fence)) end += 1;
  return [h("pre", {}, lines.slice(at + 1, end).join("\n")), end + 1];
}

function heading(lines, at, session) {
  const [, marks, text] = /^\s*(#{1,6})\s+(.*?)\s*#*$/.exec(lines[at]) ?? [null, "#", lines[at]];
  const level = Math.min(6, marks.length + 2);
  return [h(`h${level}`, { "data-level": marks.length }, inline(text, session)), at + 1];
}

function quote(lines, at, session, depth) {
  let end = at;
  while (end < lines.length && /^ {0,3}>/.test(lines[end])) end += 1;
  const inner = lines.slice(at, end).map((line) => line.replace(/^ {0,3}> ?/, ""));
  if (depth >= DEEPEST) return [h("blockquote", {}, inner.join(" ")), end];
  return [h("blockquote", {}, blocks(inner, session, depth + 1)), end];
}

function list(lines, at, session, depth) {
  const [, margin, mark] = /^(\s*)([-*+]|\d+[.)])\s+/.exec(lines[at]);
  const isOrdered = /\d/.test(mark);
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/.exec(lines[end]);
    if (item && item[1].length <= margin.length + 1) {
      if (/\d/.test(item[2]) !== isOrdered || item[1].length < margin.length) break;
      items.push([item[3]]);
    } else if (items.length && /^\s+\S/.test(lines[end])) items.at(-1).push(lines[end]);
    else break;
    end += 1;
  }
  const start = isOrdered ? Number.parseInt(mark, 10) : null;
  return [
    h(
      isOrdered ? "ol" : "ul",
      { start },
      items.map((item) => listItem(item, session, depth)),
    ),
    end,
  ];
}

function listItem([first, ...rest], session, depth) {
  const task = /^\[([ xX])\]\s+(.*)$/.exec(first);
  const text = task ? task[2] : first;
  const box = task && h("span.task", {}, task[1] === " " ? "☐" : "☑");
  const inner =
    depth >= DEEPEST ? rest.join(" ") : rest.length > 0 && blocks(rest, session, depth + 1);
  return h(task ? "li.tasked" : "li", {}, box, inline(text, session), inner);
}

function table(lines, at, session) {
  let end = at;
  while (end < lines.length && /^\s*\|.*\|\s*$/.test(lines[end])) end += 1;
  const rows = lines.slice(at, end).map((line) =>
    line
      .trim()
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
  const isRuled = rows.length > 1 && rows[1].every((cell) => /^:?-+:?$/.test(cell));
  if (!isRuled) return [h("p", {}, broken(lines.slice(at, end), session)), end];
  const sides = rows[1].map((cell) =>
    cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "right") : "left",
  );
  const cells = (row, tag) =>
    row.map((cell, index) =>
      h(tag, { "data-align": sides[index] ?? "left" }, inline(cell, session)),
    );
  const head = h("thead", {}, h("tr", {}, cells(rows[0], "th")));
  const body = h(
    "tbody",
    {},
    rows.slice(2).map((row) => h("tr", {}, cells(row, "td"))),
  );
  return [h("div.table", {}, h("table", {}, head, body)), end];
}

function inline(text, session, depth = 0) {
  const made = fragment();
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    made.append(withEmoji(text.slice(from, match.index)), token(match, session, depth));
    from = match.index + match[0].length;
  }
  made.append(withEmoji(text.slice(from)));
  return made;
}

function token(match, session, depth) {
  const found = match.groups;
  const inner = (text) => (depth < DEEPEST ? inline(text, session, depth + 1) : text);
  if (found.escape) return found.escape[1];
  if (found.code) return h("code", {}, found.code.slice(1, -1));
  if (found.url) {
    const url = safeUrl(found.url);
    return url && /^[a-z]+:/i.test(found.url)
      ? anchor(url, found.label || found.url, session)
      : match[0];
  }
  if (found.bold) return h("strong", {}, inner(found.bold));
  if (found.strike) return h("s", {}, inner(found.strike));
  if (found.bare)
    return safeUrl(found.bare) ? anchor(safeUrl(found.bare), found.bare, session) : found.bare;
  return h("em", {}, inner(found.star ?? found.under));
}
