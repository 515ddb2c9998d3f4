/** One message of a chat: its bubble and the keyboard under it. */

import { colourOf, senderAvatar } from "./avatar.js";
import { dateAndTime, instantOf, time } from "./dates.js";
import { h, icon, iconButton } from "./dom.js";
import { Keyboard } from "./keyboard.js";
import { documentCard, photo } from "./media.js";
import { isOnlyEmoji, plainText, richText } from "./rich_text.js";

/**
 * A message that stays in place while it changes.
 *
 * `place` tells how it stands among its neighbours: `isFirst` and `isLast` of those one sender
 * wrote in a row; `isMine`; `isGroup`; `quoted`, the message it answers, if that is known.
 */
export class MessageView {
  /**
   * @param {Object} message As the people API tells it.
   * @param {Object} place
   * @param {{session: Session, onmenu: Function, onquote: Function}} context
   */
  constructor(message, place, context) {
    this.context = context;
    this.message = message;
    this.keyboard = new Keyboard(context.session, message);
    this.face = h("span.face");
    this.stack = h("div.stack");
    this.node = h(
      "article.message",
      {
        tabIndex: -1,
        data: { id: message.id },
        oncontextmenu: (event) => this.openMenu(event),
        onkeydown: (event) => this.keyed(event),
        ondblclick: (event) => event.target === this.node && context.onreply(this.message),
      },
      this.face,
      this.stack,
      iconButton("more", "Message actions", (event) => this.openMenu(event), {
        size: 18,
        tabIndex: -1,
        "aria-haspopup": "menu",
      }),
    );
    this.update(message, place);
  }

  /** Show the newest version; what did not change is left alone. */
  update(message, place) {
    this.message = message;
    const { session } = this.context;
    const key = JSON.stringify([message, place, session.edition]);
    if (key === this.key) return;
    this.key = key;
    this.keyboard.update(message);
    const bubbleKey = JSON.stringify([{ ...message, buttons: null }, place, session.edition]);
    if (bubbleKey !== this.bubbleKey) this.draw(message, place);
    this.bubbleKey = bubbleKey;
    this.node.classList.toggle("with-keyboard", !this.keyboard.root.hidden);
  }

  draw(message, place) {
    const { session } = this.context;
    const when = instantOf(message.date);
    const name = senderName(message, session);
    const classes = {
      mine: place.isMine,
      theirs: !place.isMine,
      first: place.isFirst,
      last: place.isLast,
      "in-group": place.isGroup,
      protected: message.protected,
      jumbo: isJumbo(message),
    };
    for (const [each, isOn] of Object.entries(classes)) this.node.classList.toggle(each, isOn);
    this.node.setAttribute("aria-label", `${name}, ${time(when)}`);
    const hasFace = place.isGroup && !place.isMine && place.isLast;
    this.face.replaceChildren(...(hasFace ? [senderAvatar(message, session, "small")] : []));
    const old = this.bubble;
    this.bubble = bubble(message, { ...place, when, name }, this.context);
    if (old) old.replaceWith(this.bubble);
    else this.stack.append(this.bubble, this.keyboard.root);
  }

  openMenu(event) {
    if (event.type === "contextmenu" && event.shiftKey) return;
    event.preventDefault();
    const isAtPointer = event.type === "contextmenu" && event.button === 2;
    const at = isAtPointer ? { x: event.clientX, y: event.clientY } : undefined;
    this.context.onmenu(this, { at, anchor: at ? this.node : event.target.closest("button") });
  }

  keyed(event) {
    if (event.target !== this.node || !["Enter", " "].includes(event.key)) return;
    event.preventDefault();
    this.context.onmenu(this, { anchor: this.node });
  }

  /** Draw the eye here. */
  flash() {
    this.node.scrollIntoView({ block: "center" });
    this.node.classList.remove("flash");
    requestAnimationFrame(() => this.node.classList.add("flash"));
  }
}

/** Return who wrote a message, by name. */
export function senderName(message, session) {
  if (message.is_bot) return message.sender_name || session.bot.name;
  return session.user(message.sender)?.name ?? message.sender_name;
}

/** Return what a message says in one line, and the colour of who says it. */
function gist(message) {
  return message.text?.trim() || message.document?.name || (message.photo ? "Photo" : "Message");
}

function bubble(message, place, context) {
  const { session } = context;
  const caption = message.html || message.caption_html;
  const meta = metaOf(message, place);
  const isBare = message.photo && !caption;
  return h(
    "div.bubble",
    { class: message.photo ? "with-photo" : "", "data-colour": senderColour(message, session) },
    place.isGroup && !place.isMine && place.isFirst && senderLine(message, place),
    message.forward_from && forwarded(message),
    message.reply_to && quote(message, place, context),
    message.photo && photo(message, place),
    message.document && documentCard(message.document),
    isBare
      ? h("div.over-photo", {}, meta)
      : h(
          `div.text${caption || message.text ? "" : ".nothing"}`,
          { dir: "auto" },
          content(message, caption),
          meta,
        ),
  );
}

function content(message, html) {
  if (html) return richText(html);
  return message.photo || message.document ? null : plainText(message.text ?? "");
}

function isJumbo(message) {
  const isPlain = !message.photo && !message.document && !message.forward_from && !message.reply_to;
  return isPlain && !message.is_bot && isOnlyEmoji((message.text ?? "").trim());
}

function senderColour(message, session) {
  return colourOf(String(message.sender), session);
}

function senderLine(message, { name }) {
  return h("p.sender", {}, h("strong", {}, name), message.is_bot && h("span.tag", {}, "bot"));
}

function forwarded(message) {
  return h("p.forwarded", {}, "Forwarded from ", h("strong", {}, message.forward_from));
}

function quote(message, { quoted }, { session, onquote }) {
  const { id, preview } = message.reply_to;
  const name = quoted ? quoted.name : "Reply";
  return h(
    "button.quote",
    {
      type: "button",
      "data-colour": quoted ? colourOf(quoted.sender, session) : null,
      "aria-label": `In reply to ${name}: ${preview}`,
      onclick: () => onquote(id),
    },
    h("strong", {}, name),
    h("span", {}, preview || "Message"),
  );
}

function metaOf(message, { when, isMine }) {
  return h(
    "span.meta",
    {},
    message.edited && h("span.edited", {}, "edited"),
    h("time", { datetime: when.toISOString(), title: dateAndTime(when) }, time(when)),
    isMine && icon("checks", 17),
  );
}

/** Return the bar or line that a message leaves where it is quoted or edited. */
export function gistOf(message) {
  return gist(message).replaceAll(/\s+/g, " ").slice(0, 160);
}
