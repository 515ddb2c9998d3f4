/** The rich_text block: text that is a tree already. */

import { dateToken } from "./dates.js";
import { emoji } from "./emoji.js";
import { h, safeUrl } from "./dom.js";
import { anchor, channelLink, mention } from "./mrkdwn.js";

/** Return the elements of a rich_text block. */
export function richText(block, session) {
  return block.elements.map((element) => group(element, session));
}

function group(element, session) {
  const inner = () => (element.elements ?? []).map((leaf) => styled(leaf, session));
  switch (element.type) {
    case "rich_text_preformatted":
      return h("pre", {}, inner());
    case "rich_text_quote":
      return h("blockquote", {}, inner());
    case "rich_text_list": {
      const tag = element.style === "ordered" ? "ol" : "ul";
      const items = element.elements.map((item) => h("li", {}, group(item, session)));
      const start = tag === "ol" && element.offset ? element.offset + 1 : null;
      return h(tag, { start, "data-depth": Math.min(4, element.indent ?? 0) }, items);
    }
    default:
      return h("div.rich", {}, inner());
  }
}

const STYLES = { bold: "strong", italic: "em", strike: "s", underline: "u", code: "code" };

function styled(element, session) {
  let node = leaf(element, session);
  for (const [style, tag] of Object.entries(STYLES)) {
    if (element.style?.[style]) node = h(tag, {}, node);
  }
  return node;
}

function leaf(element, session) {
  switch (element.type) {
    case "text":
      return document.createTextNode(element.text);
    case "emoji":
      return document.createTextNode(emoji(element.name));
    case "link": {
      const url = safeUrl(element.url);
      const label = element.text || element.url;
      return url ? anchor(url, label, session) : document.createTextNode(label);
    }
    case "user":
      return mention(session, element.user_id);
    case "channel":
      return channelLink(session, element.channel_id);
    case "broadcast":
      return h("span.mention.mine", {}, `@${element.range}`);
    case "usergroup":
      return h("span.mention", {}, "@group");
    case "date":
      return h(
        "time",
        {},
        dateToken(session.person, new Date(element.timestamp * 1000), element.format),
      );
    case "color":
      return h("code", {}, element.value);
    default:
      return document.createTextNode(element.fallback ?? "");
  }
}
