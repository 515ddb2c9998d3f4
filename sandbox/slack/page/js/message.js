/** One message of a conversation. */

import { avatar } from "./avatar.js";
import { renderBlocks } from "./blocks.js";
import { dateAndTime, instantOf, time, ago } from "./dates.js";
import { h, icon } from "./dom.js";
import { isOnlyEmoji } from "./emoji.js";
import { renderFiles } from "./files.js";
import { mrkdwn } from "./mrkdwn.js";
import { Surface } from "./surface.js";

/**
 * Return a message.
 *
 * @param {Object} message As the people API tells it.
 * @param {Object} place `{session, channel, isFollowing, onthread}`: `isFollowing` leaves out the
 *   name of who wrote the message before, too; `onthread` opens its thread, null inside one.
 */
export function messageRow(message, { session, channel, isFollowing, onthread }) {
  const author = session.user(message.user);
  const at = instantOf(message.ts);
  const name = author?.real_name || author?.name || message.username;
  const shownTime = h(
    "time",
    { datetime: at.toISOString(), title: dateAndTime(session.person, at) },
    time(session.person, at),
  );
  const gutter = isFollowing
    ? h("span.gutter", {}, shownTime)
    : avatar(author ?? { is_bot: message.is_bot }, session);
  const byline =
    !isFollowing &&
    h(
      "div.byline",
      {},
      h("strong.name", {}, name),
      message.is_bot && h("span.badge.bot", {}, "APP"),
      !message.is_bot && author?.title && h("span.job", {}, author.title),
      shownTime,
    );
  const surface = new Surface(session, { type: "message", channel, ts: message.ts });
  return h(
    "article.message",
    {
      class: [isFollowing && "following", message.ephemeral && "ephemeral"]
        .filter(Boolean)
        .join(" "),
      data: { ts: message.ts },
      "aria-label": `${name}, ${time(session.person, at)}`,
    },
    gutter,
    h(
      "div.body",
      {},
      byline,
      message.ephemeral && onlyVisible(),
      content(message, surface),
      message.files?.length > 0 && renderFiles(message.files),
      onthread && replies(message, session, onthread),
    ),
    onthread && !message.ephemeral && tools(message, onthread),
  );
}

function onlyVisible() {
  return h("p.only-you", {}, icon("eye", 14), "Only visible to you");
}

function content(message, surface) {
  const { session } = surface;
  const edited = message.edited && h("span.edited", {}, "(edited)");
  const attached = (message.attachments ?? []).map((each) => attachment(each, surface));
  // What people typed is in the text too, with mentions as links; blocks are the app's.
  const blocks = message.is_bot ? message.blocks : null;
  if (blocks?.length) {
    const isCard =
      blocks.length > 1 &&
      blocks.some((block) => ["header", "actions", "input"].includes(block.type));
    return h(
      isCard ? "div.card" : "div.blocks",
      {},
      renderBlocks(blocks, surface),
      edited,
      attached,
    );
  }
  const text =
    message.text &&
    h(
      "div.text",
      { class: isOnlyEmoji(message.text) ? "large" : "", lang: session.person.locale },
      mrkdwn(message.text, session),
      edited && " ",
      edited,
    );
  return h("div.said", {}, text, attached);
}

function attachment(each, surface) {
  const { session } = surface;
  const made = h(
    "div.attachment",
    {},
    each.title && h("p.title", {}, h("strong", {}, mrkdwn(each.title, session))),
    each.text && h("div.text", {}, mrkdwn(each.text, session)),
    each.blocks?.length > 0 && renderBlocks(each.blocks, surface),
  );
  if (/^#?[0-9a-f]{6}$/i.test(each.color ?? ""))
    made.style.borderInlineStartColor = `#${each.color.replace("#", "")}`;
  return made;
}

function replies(message, session, onthread) {
  if (!message.reply_count) return null;
  const last = message.latest_reply && ago("en", instantOf(message.latest_reply));
  return h(
    "button.replies",
    { type: "button", onclick: onthread },
    icon("thread", 16),
    h("strong", {}, message.reply_count === 1 ? "1 reply" : `${message.reply_count} replies`),
    last && h("span", {}, `Last reply ${last === "now" ? "just now" : last}`),
    h("span.open", {}, "View thread"),
  );
}

function tools(message, onthread) {
  return h(
    "div.tools",
    {},
    h(
      "button.icon-button",
      {
        type: "button",
        "aria-label": "Reply in thread",
        title: "Reply in thread",
        onclick: onthread,
      },
      icon("thread", 18),
    ),
  );
}
