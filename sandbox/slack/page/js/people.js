/** The bar at the top: as whom the visitor acts, and everybody else a click away. */

import { Failure, read } from "./api.js";
import { avatar, firstName } from "./avatar.js";
import { time } from "./dates.js";
import { h, icon } from "./dom.js";
import { moved, popover } from "./popover.js";

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
      "Reconnecting…",
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
    const name = person.real_name || person.name;
    this.opener.setAttribute(
      "aria-label",
      `You are ${name}${person.title ? `, ${person.title}` : ""}. Switch person`,
    );
    this.opener.replaceChildren(
      avatar(person, session, "small"),
      h(
        "span.who-names",
        {},
        h("small", {}, "You are"),
        h(
          "span",
          {},
          h("strong", {}, name),
          person.title && h("span.job", {}, ` · ${person.title}`),
        ),
      ),
      icon("chevron", 18),
    );
    const others = session.people.filter((each) => each.id !== person.id).slice(0, CHIPS);
    const focused = document.activeElement?.closest(".other")?.dataset.id;
    this.chips.replaceChildren(...others.map((each) => this.chip(each)));
    if (focused) this.chips.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  chip(person) {
    const name = person.real_name || person.name;
    const count = this.unread.get(person.id) ?? 0;
    const label = `Act as ${name}${person.title ? `, ${person.title}` : ""}${count ? `, ${count} unread` : ""}`;
    return h(
      "button.other",
      {
        type: "button",
        "aria-label": label,
        title: `${name}${person.title ? ` · ${person.title}` : ""}`,
        data: { id: person.id },
        onclick: () => this.session.become(person.id),
      },
      avatar(person, this.session, "small"),
      h("span.first", {}, firstName(person)),
      count > 0 && h("span.badge.count.strong", { "aria-hidden": "true" }, String(count)),
    );
  }

  open() {
    if (this.close) {
      this.close();
      return;
    }
    const { session } = this;
    const items = session.people.map((person) => this.item(person));
    const steer = (event) =>
      items[moved(event, items, items.indexOf(document.activeElement))]?.focus();
    const menu = h(
      "div.menu.people",
      { role: "menu", "aria-label": "Act as", onkeydown: steer },
      h("p.group", { "aria-hidden": "true" }, `People of ${session.team.name}`),
      items,
    );
    this.opener.setAttribute("aria-expanded", "true");
    this.close = popover(this.opener, menu, {
      isWide: true,
      onclose: () => {
        this.close = null;
        this.opener.setAttribute("aria-expanded", "false");
      },
    });
    (items.find((item) => item.getAttribute("aria-checked") === "true") ?? items[0])?.focus();
  }

  item(person) {
    const { session } = this;
    const isMe = person.id === session.person.id;
    const count = isMe ? 0 : (this.unread.get(person.id) ?? 0);
    const take = () => {
      this.close?.();
      this.opener.focus();
      session.become(person.id);
    };
    return h(
      "button.item.person",
      { type: "button", role: "menuitemradio", "aria-checked": String(isMe), onclick: take },
      avatar(person, session, "medium"),
      h(
        "span.names",
        {},
        h("strong", {}, person.real_name || person.name),
        h(
          "small",
          {},
          [person.title, `${time(person, new Date())} local time`].filter(Boolean).join(" · "),
        ),
      ),
      count > 0 && h("span.badge.count.strong", {}, String(count)),
      isMe && icon("check", 18),
    );
  }

  /** Ask soon what waits for the others; many calls in a row ask once. */
  lookAround() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.count(), PAUSE);
  }

  async count() {
    const { session } = this;
    const others = session.people
      .filter((person) => person.id !== session.person.id)
      .slice(0, CHIPS);
    await Promise.all(
      others.map(async (person) => {
        try {
          const { channels } = await read("inbox", { user: person.id });
          this.unread.set(
            person.id,
            channels.reduce((sum, entry) => sum + (entry.kind === "im" ? entry.unread : 0), 0),
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
