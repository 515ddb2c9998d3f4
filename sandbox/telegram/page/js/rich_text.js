/**
 * Shows formatted text. The server's HTML is safe already; what is not on the short list here is
 * shown as the text it holds all the same.
 */

import { h } from "./dom.js";

const PLAIN = new Map([
  ["B", "b"],
  ["STRONG", "b"],
  ["I", "i"],
  ["EM", "i"],
  ["U", "u"],
  ["INS", "u"],
  ["S", "s"],
  ["DEL", "s"],
  ["CODE", "code"],
  ["PRE", "pre"],
]);
const CODE = new Set(["CODE", "PRE"]);
const GONE = new Set(["SCRIPT", "STYLE", "TEMPLATE", "IFRAME", "OBJECT", "NOSCRIPT"]);
const DEEPEST = 40;

/** Commands and names, as Telegram finds them in plain text; addresses are links already. */
const COMMAND = /(?<command>(?<![\w/<>])\/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/@]))/;
const MENTION = /(?<![\w@])@[A-Za-z]\w{3,31}(?!\w)/;
const LIVE = new RegExp(`${COMMAND.source}|${MENTION.source}`, "g");

/**
 * Return the fragment that some of the server's HTML means.
 *
 * @param {string} html
 */
export function richText(html) {
  const body = new DOMParser().parseFromString(html, "text/html").body;
  const made = document.createDocumentFragment();
  made.append(...children(body, { isLive: true, depth: 0 }));
  return made;
}

/** Return plain text with its commands and names alive. */
export function plainText(text) {
  const made = document.createDocumentFragment();
  made.append(...live(text));
  return made;
}

function children(parent, context) {
  return [...parent.childNodes].flatMap((node) => rebuilt(node, context));
}

function rebuilt(node, context) {
  if (node.nodeType === Node.TEXT_NODE) return context.isLive ? live(node.data) : [node.data];
  if (node.nodeType !== Node.ELEMENT_NODE || GONE.has(node.tagName)) return [];
  if (context.depth > DEEPEST) return [node.textContent];
  const inner = (isLive) =>
    children(node, { isLive: context.isLive && isLive, depth: context.depth + 1 });
  if (PLAIN.has(node.tagName))
    return [h(PLAIN.get(node.tagName), attributes(node), ...inner(!CODE.has(node.tagName)))];
  switch (node.tagName) {
    case "BR":
      return [h("br")];
    case "A":
      return [link(node.getAttribute("href"), inner(false))];
    case "BLOCKQUOTE":
      return [quote(node, inner(true))];
    case "SPAN":
    case "TG-SPOILER":
      return isSpoiler(node) ? [spoiler(inner(true))] : inner(true);
    default:
      return inner(true);
  }
}

function attributes(node) {
  return node.tagName === "CODE" && node.parentElement?.tagName !== "PRE"
    ? { title: "Click to copy", "data-copy": true }
    : {};
}

function link(href, content) {
  const url = safeUrl(href);
  if (!url) return h("span", {}, ...content);
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, ...content);
}

function quote(node, content) {
  const isLong = node.hasAttribute("expandable") || node.classList.contains("expandable");
  const made = h("blockquote", {}, ...content);
  if (!isLong) return made;
  made.classList.add("folded");
  const toggle = h(
    "button.unfold",
    {
      type: "button",
      "aria-expanded": "false",
      onclick: () => {
        const isFolded = made.classList.toggle("folded");
        toggle.setAttribute("aria-expanded", String(!isFolded));
        toggle.textContent = isFolded ? "Show all" : "Show less";
      },
    },
    "Show all",
  );
  made.append(toggle);
  return made;
}

function isSpoiler(node) {
  return (
    node.tagName === "TG-SPOILER" ||
    node.classList.contains("spoiler") ||
    node.classList.contains("tg-spoiler")
  );
}

function spoiler(content) {
  const hidden = h("span", { "aria-hidden": "true" }, ...content);
  const reveal = () => {
    made.classList.add("seen");
    made.removeAttribute("role");
    made.removeAttribute("tabindex");
    made.removeAttribute("aria-label");
    hidden.removeAttribute("aria-hidden");
  };
  const made = h(
    "span.spoiler",
    {
      role: "button",
      tabindex: "0",
      "aria-label": "Hidden text, press to show",
      onclick: reveal,
      onkeydown: (event) => ["Enter", " "].includes(event.key) && reveal(),
    },
    hidden,
  );
  return made;
}

function live(text) {
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(LIVE)) {
    const [whole] = found;
    if (found.index > at) parts.push(text.slice(at, found.index));
    parts.push(alive(whole, found.groups));
    at = found.index + whole.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

function alive(text, { command }) {
  if (command) return h("button.live", { type: "button", "data-command": text }, text);
  return h("span.live", {}, text);
}

/** Return an http, https or tg address, or null for anything else. */
export function safeUrl(text) {
  try {
    const url = new URL(String(text));
    return ["http:", "https:", "tg:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const EMOJI = /^(?:\p{RGI_Emoji}\s*){1,3}$/v;

/** Whether a text is nothing but up to three emoji, which are shown large. */
export function isOnlyEmoji(text) {
  return text.length < 60 && EMOJI.test(text);
}
