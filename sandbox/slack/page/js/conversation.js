/** The middle of the workspace: a channel, or the app's direct messages and its Home. */

import { act, read } from "./api.js";
import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { Home } from "./home.js";
import { MessageList } from "./message_list.js";

const FACES = 4;

/** Shows the place the session is at. */
export class Conversation {
  constructor(session, { onmenu }) {
    this.session = session;
    this.header = h("header.place-header");
    this.list = new MessageList(session, { intro: () => this.intro() });
    this.composer = new Composer(session);
    this.home = new Home(session);
    this.onmenu = onmenu;
    this.chat = h("div.chat", {}, this.list.root, this.composer.root);
    this.root = h(
      "main.conversation",
      { "aria-label": "Conversation" },
      this.header,
      this.chat,
      this.home.root,
    );
  }

  /** Show another place, or the same as somebody else. */
  async open() {
    const { session } = this;
    this.showHeader();
    this.chat.hidden = session.isHome;
    this.home.root.hidden = !session.isHome;
    if (session.isHome) {
      await this.home.open();
      return;
    }
    this.list.reset();
    const { channel } = session.place;
    const name = this.name;
    this.composer.open(channel, {
      label: this.isApp
        ? `Type / for commands of ${name}, or write to it`
        : `Write to #${name}, or type / for commands`,
    });
    this.unread = session.entry(channel).unread;
    await this.refresh();
    if (!matchMedia("(hover: none)").matches && !document.activeElement?.closest(".thread, .veil"))
      this.composer.focus();
  }

  get isApp() {
    return this.session.entry(this.session.place.channel)?.kind === "im";
  }

  get name() {
    const { session } = this;
    return this.isApp ? session.app.name : session.entry(session.place.channel)?.name;
  }

  /** Fetch and show what is said here. */
  async refresh() {
    const { session } = this;
    const { person, place } = session;
    if (!place || session.isHome) return;
    const { messages } = await read("history", { user: person.id, channel: place.channel });
    if (person !== session.person || place !== session.place) return;
    this.list.show(messages, { channel: place.channel, newFrom: this.firstUnread(messages) });
    this.unread = 0;
    await this.markRead();
  }

  firstUnread(messages) {
    const others = messages.filter((message) => message.user !== this.session.person.id);
    return this.unread ? (others.at(-this.unread)?.ts ?? null) : null;
  }

  /** Note that the person has seen everything, if they can. */
  async markRead() {
    const { person, place, inbox } = this.session;
    const entry = inbox.find((each) => each.id === place?.channel);
    if (document.hidden || this.session.isHome || !entry) return;
    await act("read", { user: person.id, channel: place.channel });
  }

  showHeader() {
    const { session } = this;
    const { channel } = session.place;
    const menu = h(
      "button.icon-button.rail-toggle",
      { type: "button", "aria-label": "Channels", onclick: this.onmenu },
      icon("menu"),
    );
    if (this.isApp) {
      this.header.replaceChildren(
        menu,
        avatar(null, session, "small"),
        h("h1", {}, session.app.name),
        h("span.badge.bot", {}, "APP"),
        this.tabs(),
      );
      return;
    }
    const { purpose, members = [] } = session.channel(channel) ?? {};
    const faces = members.filter((id) => session.user(id)).map((id) => session.user(id));
    this.header.replaceChildren(
      menu,
      h("h1", {}, icon("hash", 18), this.name),
      purpose ? h("p.purpose", {}, withEmoji(purpose)) : h("p.purpose"),
      h(
        "div.faces",
        {
          role: "img",
          "aria-label": `${faces.length} members: ${faces.map((user) => user.real_name || user.name).join(", ")}`,
          title: faces.map((user) => user.real_name || user.name).join("\n"),
        },
        faces.slice(0, FACES).map((user) => avatar(user, session, "tiny")),
        h("span.count", {}, String(faces.length)),
      ),
    );
  }

  tabs() {
    const { session } = this;
    const go = (tab) => () => session.goTo({ channel: session.place.channel, tab });
    const tab = (name, label, isOn) =>
      h(
        "button",
        { type: "button", role: "tab", "aria-selected": String(isOn), onclick: go(name) },
        label,
      );
    return h(
      "div.tabs",
      { role: "tablist", "aria-label": session.app.name },
      tab("home", "Home", session.isHome),
      tab("messages", "Messages", !session.isHome),
    );
  }

  intro() {
    const { session } = this;
    if (this.isApp) {
      return h(
        "div.intro",
        {},
        avatar(null, session, "large"),
        h("h2", {}, session.app.name),
        h(
          "p",
          {},
          `Only you and ${session.app.name} read this. Type `,
          h("kbd", {}, "/"),
          " to see what it can do.",
        ),
      );
    }
    const { purpose } = session.channel(session.place.channel) ?? {};
    return h(
      "div.intro",
      {},
      h("span.intro-sign", {}, icon("hash", 26)),
      h("h2", {}, this.name),
      h("p", {}, purpose ? withEmoji(purpose) : "This is where the channel begins."),
    );
  }
}
