/** The bar at the top: as whom the visitor acts, and everybody else a click away. */

import { Failure, read } from "./api.js";
import { avatar, firstName } from "./avatar.js";
import { h, icon } from "./dom.js";
import { floating } from "./popover.js";

const CHIPS = 7;
/** Milliseconds after news before the others' unread counts are asked for. */
const PAUSE = 400;

/** Switches between people. */
export class People {
  constructor(session, { phoneToggle }) {
    this.session = session;
    this.unread = new Map();
    this.opener = h("button.who", {
      type: "button",
      "aria-haspopup": "menu",
      "aria-expanded": "false",
      onclick: () => this.open(),
    });
    this.chips = h("div.others", { role: "group", "aria-label": "Act as somebody else" });
    this.line = h(
      "span.offline",
      { role: "status", hidden: true },
      h("span.spinner", { "aria-hidden": "true" }),
      h("span", {}, "Connecting…"),
    );
    this.root = h(
      "header.top",
      {},
      this.opener,
      this.chips,
      h("span.space"),
      this.line,
      phoneToggle,
    );
  }

  show() {
    const { session } = this;
    const { person } = session;
    const title = person.title ?? "";
    this.opener.setAttribute(
      "aria-label",
      `You are ${person.name}${title ? `, ${title}` : ""}. Switch person`,
    );
    this.opener.replaceChildren(
      avatar(person, session, "small"),
      h(
        "span.who-names",
        {},
        h("small", {}, "You are"),
        h("span", {}, h("strong", {}, person.name), title && h("span.job", {}, ` · ${title}`)),
      ),
      icon("chevron", 18),
    );
    const focused = document.activeElement?.closest(".other")?.dataset.id;
    this.chips.replaceChildren(...this.others.map((each) => this.chip(each)));
    if (focused) this.chips.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  get others() {
    const { session } = this;
    return session.people.filter((each) => each.id !== session.person.id).slice(0, CHIPS);
  }

  chip(person) {
    const count = this.unread.get(person.id) ?? 0;
    const words = [`Act as ${person.name}`, person.title, count > 0 && `${count} unread`];
    return h(
      "button.other",
      {
        type: "button",
        "aria-label": words.filter(Boolean).join(", "),
        title: [person.name, person.title].filter(Boolean).join(" · "),
        data: { id: person.id },
        onclick: () => this.session.become(person.id),
      },
      avatar(person, this.session, "tiny"),
      h("span.first", {}, firstName(person)),
      count > 0 && h("span.badge.strong", { "aria-hidden": "true" }, String(count)),
    );
  }

  open() {
    if (this.close) {
      this.close();
      return;
    }
    const { session } = this;
    const items = session.people.map((person) => this.item(person));
    const list = h(
      "div.menu.people",
      { role: "menu", "aria-label": "Act as" },
      h("p.group", { "aria-hidden": "true" }, "Act as"),
      items,
    );
    this.opener.setAttribute("aria-expanded", "true");
    const here = items.find((item) => item.getAttribute("aria-checked") === "true");
    const onclose = () => {
      this.close = null;
      this.opener.setAttribute("aria-expanded", "false");
    };
    this.close = floating(this.opener, list, items, { onclose }, here);
  }

  item(person) {
    const { session } = this;
    const isMe = person.id === session.person.id;
    const count = isMe ? 0 : (this.unread.get(person.id) ?? 0);
    const take = () => {
      this.close?.();
      session.become(person.id);
    };
    const about = [person.title, person.username && `@${person.username}`];
    return h(
      "button.item.person",
      {
        type: "button",
        role: "menuitemradio",
        tabIndex: -1,
        "aria-checked": String(isMe),
        onclick: take,
      },
      avatar(person, session, "medium"),
      h(
        "span.names",
        {},
        h("strong", {}, person.name),
        h("small", {}, about.filter(Boolean).join(" · ")),
      ),
      count > 0 && h("span.badge.strong", {}, String(count)),
      isMe && icon("check", 18),
    );
  }

  /** Ask soon what waits for the others; many calls in a row ask once. */
  lookAround() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.count(), PAUSE);
  }

  async count() {
    await Promise.all(
      this.others.map(async (person) => {
        try {
          const { chats } = await read("inbox", { user: person.id });
          const waiting = chats.filter((entry) => entry.kind === "private");
          this.unread.set(
            person.id,
            waiting.reduce((sum, entry) => sum + entry.unread, 0),
          );
        } catch (problem) {
          if (!(problem instanceof Failure)) throw problem;
        }
      }),
    );
    this.show();
  }

  /** Say whether news come in. */
  setOnline(isOnline) {
    this.line.hidden = isOnline;
  }
}
