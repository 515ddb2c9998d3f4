/**
 * Slack's message formatting (mrkdwn) as elements.
 *
 * Source: Slack's reference of message formatting ("Formatting text for app surfaces").
 */

import { dateToken } from "./dates.js";
import { withEmoji } from "./emoji.js";
import { fragment, h, safeUrl } from "./dom.js";

const DEEPEST = 8;
/** Characters that one style may span: what the longest text of a block holds. */
const LONGEST = 3000;
const STYLES = { "*": "strong", _: "em", "~": "s" };
const BARE_URL = /https?:\/\/[^\s<>|"]*[^\s<>|".,;:!?)\]'，。；：！？）]/g;

/** Return the characters that stand for `&amp;`, `&lt;` and `&gt;`. */
export function decoded(text) {
  return text.replace(/&(amp|lt|gt);/g, (_, name) => ({ amp: "&", lt: "<", gt: ">" })[name]);
}

/** Return a text object (mrkdwn or plain_text) as a fragment. */
export function textObject(object, session) {
  if (!object) return fragment();
  if (object.type === "mrkdwn")
    return mrkdwn(object.text, session, { isVerbatim: object.verbatim });
  return fragment(object.emoji === false ? object.text : withEmoji(object.text));
}

/**
 * Return formatted text.
 *
 * @param {string} text As it travels: `&`, `<` and `>` as entities, links in angle brackets.
 * @param {Session} session Who reads, and what people and channels are called.
 * @param {{isVerbatim?: boolean}} options Verbatim text gets no links of its own.
 */
export function mrkdwn(text, session, { isVerbatim = false } = {}) {
  const writer = { session, isVerbatim };
  const made = fragment();
  const pieces = String(text ?? "").split(/```([\s\S]+?)```/);
  pieces.forEach((piece, index) => {
    if (index % 2) made.append(h("pre", {}, code(piece.replace(/^\n|\n$/g, ""))));
    else if (piece) made.append(lines(trimmedBeside(piece, index, pieces.length), writer));
  });
  return made;
}

/** A line break next to a code block is the block's own. */
function trimmedBeside(piece, index, count) {
  let trimmed = piece;
  if (index > 0) trimmed = trimmed.replace(/^\n/, "");
  if (index < count - 1) trimmed = trimmed.replace(/\n$/, "");
  return trimmed;
}

/** Code shows links as their addresses and nothing as formatting. */
function code(text) {
  return decoded(
    text.replace(
      /<((?:https?|mailto):[^<>|]*)(?:\|([^<>]*))?>/g,
      (_, address, label) => label ?? address,
    ),
  );
}

function lines(text, writer) {
  const made = fragment();
  let quote = null;
  let isBroken = true;
  for (const line of text.split("\n")) {
    const quoted = /^(?:&gt;|>) ?(.*)$/s.exec(line);
    const listed = /^(\s*)([•◦▪‣])\s+(.*)$/s.exec(line);
    if (quoted) {
      if (quote) quote.append(h("br"));
      else made.append((quote = h("blockquote")));
      quote.append(inline(quoted[1], writer));
      isBroken = true;
      continue;
    }
    quote = null;
    if (listed) {
      const depth = Math.min(3, Math.floor(listed[1].length / 2));
      made.append(
        h(
          "span.bullet",
          { "data-depth": depth },
          h("span.mark", {}, listed[2]),
          h("span", {}, inline(listed[3], writer)),
        ),
      );
      isBroken = true;
      continue;
    }
    if (!isBroken) made.append(h("br"));
    made.append(inline(line, writer));
    isBroken = false;
  }
  return made;
}

/** Return one line with links, code and styles. */
function inline(text, writer, depth = 0) {
  const made = fragment();
  let plain = "";
  const flush = () => {
    if (plain) made.append(leaf(plain, writer));
    plain = "";
  };
  for (let at = 0; at < text.length;) {
    const token = tokenAt(text, at, writer, depth);
    if (token) {
      flush();
      made.append(token.node);
      at = token.end;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return made;
}

function tokenAt(text, at, writer, depth) {
  const sign = text[at];
  if (sign === "<") {
    const end = text.indexOf(">", at);
    if (end > at + 1) return { node: angle(text.slice(at + 1, end), writer), end: end + 1 };
  } else if (sign === "`") {
    const end = text.indexOf("`", at + 1);
    if (end > at + 1) return { node: h("code", {}, code(text.slice(at + 1, end))), end: end + 1 };
  } else if (sign in STYLES && depth < DEEPEST) {
    const end = closing(text, at);
    if (end > 0) {
      const inner = inline(text.slice(at + 1, end), writer, depth + 1);
      return { node: h(STYLES[sign], {}, inner), end: end + 1 };
    }
  }
  return null;
}

const SPACE = /[\s\u200b]/;
const WORD = /[\p{L}\p{N}]/u;

/** Return where the style that may open at `at` closes, or 0. */
function closing(text, at) {
  const sign = text[at];
  const before = text[at - 1];
  const after = text[at + 1];
  const last = Math.min(text.length, at + LONGEST);
  if (before !== undefined && (WORD.test(before) || before === "\u200b" || before === sign))
    return 0;
  if (after === undefined || SPACE.test(after) || after === sign) return 0;
  const whole = { "<": ">", "`": "`" };
  for (let end = at + 2; end < last; end += 1) {
    // Links and code are passed over as a whole; one that is not closed is just a sign.
    const stop = whole[text[end]];
    const past = stop ? text.indexOf(stop, end + 1) : -1;
    if (past > 0) end = past;
    else if (stop) delete whole[text[end]];
    else if (text[end] === sign && !SPACE.test(text[end - 1])) {
      const next = text[end + 1];
      if (next === undefined || !(WORD.test(next) || next === sign)) return end;
    }
  }
  return 0;
}

/** Return what stands in angle brackets: a link, a mention, a date. */
function angle(inside, writer) {
  const bar = inside.indexOf("|");
  const target = bar < 0 ? inside : inside.slice(0, bar);
  const label = bar < 0 ? null : decoded(inside.slice(bar + 1));
  const { session } = writer;
  if (target.startsWith("@")) return mention(session, target.slice(1), label);
  if (target.startsWith("#")) return channelLink(session, target.slice(1), label);
  if (target.startsWith("!")) return special(target.slice(1), label, session);
  const url = safeUrl(decoded(target));
  if (!url || !/^[a-z]+:/i.test(target)) return document.createTextNode(decoded(`<${inside}>`));
  return anchor(url, withEmoji(label ?? decoded(target).replace(/^mailto:/, "")), session);
}

/** Return a link; one into this workspace stays on the page. */
export function anchor(url, label, session) {
  const link = h("a.link", { href: url, target: "_blank", rel: "noopener noreferrer" }, label);
  if (new URL(url).origin === location.origin && new URL(url).pathname.startsWith("/archives/")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      session.follow(url);
    });
  }
  return link;
}

/** Return a person's name as a mention. */
export function mention(session, userId, label = null) {
  const name = session.user(userId)?.real_name ?? label ?? userId;
  const isMine = userId === session.person.id;
  return h(isMine ? "span.mention.mine" : "span.mention", {}, `@${name.replace(/^@/, "")}`);
}

/** Return a channel's name, which opens it. */
export function channelLink(session, channelId, label = null) {
  const name = session.channel(channelId)?.name ?? label ?? channelId;
  const open = () => session.goTo({ channel: channelId });
  return h("button.mention", { type: "button", onclick: open }, `#${name.replace(/^#/, "")}`);
}

function special(command, label, session) {
  const date = /^date\^(\d+)\^([^^]*)(?:\^(.*))?$/s.exec(command);
  if (date) {
    const words = dateToken(session.person, new Date(Number(date[1]) * 1000), decoded(date[2]));
    const url = date[3] ? safeUrl(decoded(date[3])) : null;
    return url ? anchor(url, words, session) : h("time", { title: label }, words);
  }
  if (command.startsWith("subteam^")) return h("span.mention", {}, label ?? "@group");
  return h("span.mention.mine", {}, `@${command.split("^")[0]}`);
}

function leaf(text, writer) {
  if (writer.isVerbatim) return withEmoji(decoded(text));
  const made = fragment();
  let from = 0;
  for (const match of text.matchAll(BARE_URL)) {
    const url = safeUrl(decoded(match[0]));
    if (!url) continue;
    made.append(withEmoji(decoded(text.slice(from, match.index))));
    made.append(anchor(url, decoded(match[0]), writer.session));
    from = match.index + match[0].length;
  }
  made.append(withEmoji(decoded(text.slice(from))));
  return made;
}
