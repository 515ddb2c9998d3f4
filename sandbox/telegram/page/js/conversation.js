/** The open chat: who it is with, what was said, and where to write. */

import { act, read } from "./api.js";
import { avatar, botAvatar, chatAvatar } from "./avatar.js";
import { copyText } from "./clipboard.js";
import { Composer } from "./composer.js";
import { ask } from "./dialogs.js";
import { h, icon, iconButton } from "./dom.js";
import { kindOf } from "./forward.js";
import { guarded } from "./guard.js";
import { follow, isDeep } from "./links.js";
import { MessageList } from "./message_list.js";
import { isEditable, messageMenu } from "./message_menu.js";
import { floating, menu } from "./popover.js";
import { hush, toast, useShelf } from "./toast.js";
import { typing } from "./typing.js";

/** Shows the session's chat. */
export class Conversation {
  /** @param {{onback: Function}} listeners `onback` shows the list where both do not fit. */
  constructor(session, { onback }) {
    this.session = session;
    this.header = h("header.chat-header");
    this.onback = onback;
    this.list = new MessageList(session, {
      onmenu: (view, options) => this.openMenu(view, options),
      onreply: (message) => this.composer.replyTo(message),
    });
    this.composer = new Composer(session, { onlast: () => this.lastOwn() });
    this.foot = h("footer.chat-foot");
    this.welcome = h("div.welcome", { hidden: true });
    this.drop = h("div.drop", { hidden: true }, icon("file", 40), "Drop a file to send it");
    this.root = h(
      "main.conversation",
      {
        "aria-label": "Chat",
        onclick: (event) => this.clicked(event),
        ondragover: (event) => this.dragged(event),
        ondragleave: (event) => event.target === this.drop && this.showDrop(false),
        ondrop: (event) => this.dropped(event),
      },
      this.header,
      this.list.root,
      this.welcome,
      this.foot,
      this.drop,
    );
    useShelf(this.root);
    session.on("typing", () => this.showStatus());
    session.on("chats", () => this.session.entry() && this.showHeader());
  }

  // ---- opening ----------------------------------------------------------------------------------

  /** Show nothing: nobody's chats are known yet. */
  clear() {
    hush();
    this.list.reset();
    this.session.setKeypad(null);
    this.header.replaceChildren();
    this.foot.replaceChildren();
    this.welcome.hidden = true;
    this.state = null;
  }

  /** Show the session's chat. */
  async open() {
    this.clear();
    const { session } = this;
    this.unread = session.entry().unread;
    session.seen();
    this.showHeader();
    this.composer.open();
    this.composer.offer([]);
    await Promise.all([this.refresh(), this.refreshCommands()]);
    if (this.mayTakeFocus) this.composer.focus();
  }

  /** Whether somebody who arrives here wants to write, and has the keys for it. */
  get mayTakeFocus() {
    const isElsewhere = document.activeElement?.closest(".top, .phone, .veil");
    return !isElsewhere && document.hasFocus() && !matchMedia("(hover: none)").matches;
  }

  /** Fetch and show what is said here. */
  async refresh() {
    const { session } = this;
    const { person, chat } = session;
    if (!chat) return;
    const state = await read("history", { user: person.id, chat });
    if (person !== session.person || chat !== session.chat) return;
    this.state = state;
    const isGroup = !session.isPrivate;
    this.list.show(state.messages, { chat, isGroup, unread: this.unread });
    this.unread = 0;
    this.showFoot();
    this.showWelcome();
    await this.markRead();
  }

  async refreshCommands() {
    const { session } = this;
    const { person, chat } = session;
    if (!chat) return;
    const { commands } = await read("commands", { user: person.id, chat });
    if (person === session.person && chat === session.chat) this.composer.offer(commands);
  }

  /** Note that the person has seen everything, if they can and that is news. */
  async markRead() {
    const { session, state } = this;
    const { person, chat } = session;
    const seen = `${person.id} ${chat} ${state.messages.at(-1)?.id}`;
    if (!session.isReading(chat) || this.seen === seen) return;
    await act("read", { user: person.id, chat });
    this.seen = seen;
  }

  // ---- the header -------------------------------------------------------------------------------

  showHeader() {
    const { session } = this;
    const entry = session.entry();
    const key = JSON.stringify([entry.id, entry.title, session.edition]);
    this.showStatus();
    if (this.header.firstChild && this.headerKey === key) return;
    this.headerKey = key;
    this.status = h("span.status");
    const about = h(
      "button.about",
      {
        type: "button",
        title: session.isPrivate ? `@${session.bot.username}` : "Members",
        onclick: () => (session.isPrivate ? this.copyName() : this.openMembers(about)),
      },
      chatAvatar(entry, session, "small"),
      h("span.names", {}, h("h1", {}, entry.title), this.status),
    );
    const back = iconButton("back", "Back to the chats", this.onback, { class: "to-list" });
    const more = iconButton("more", "More", () => this.openMore(more), {
      "aria-haspopup": "menu",
    });
    this.header.replaceChildren(back, about, more);
    this.showStatus();
  }

  showStatus() {
    const { session } = this;
    const entry = session.entry();
    if (!entry || !this.status) return;
    const isTyping = session.typing.has(entry.id);
    this.status.classList.toggle("typing", isTyping);
    const who = session.isPrivate ? "" : `${session.bot.name} is `;
    this.status.replaceChildren(...(isTyping ? typing(who) : [kindOf(entry, session)]));
  }

  async copyName() {
    const { bot } = this.session;
    if (await copyText(`https://t.me/${bot.username}`)) toast("Link copied.");
  }

  openMembers(anchor) {
    const { session } = this;
    const members = session.groups.get(session.chat)?.members ?? [];
    const rows = members.map((id) => {
      const person = session.user(id);
      const name = person?.name ?? (id === session.bot.id ? session.bot.name : id);
      const face = person ? avatar(person, session, "small") : botAvatar("small");
      const title = person ? person.title : "bot";
      return h(
        "li.item.person",
        {},
        face,
        h("span.names", {}, h("strong", {}, name), title && h("small", {}, title)),
      );
    });
    const list = h("ul.menu", { "aria-label": "Members", tabIndex: -1 }, rows);
    floating(anchor, list, [], {}, list);
  }

  openMore(anchor) {
    const { session, state } = this;
    const isPrivate = session.isPrivate;
    const canBlock = isPrivate && state?.has_started;
    menu(
      anchor,
      "More",
      [
        { label: "Go to the newest", icon: "down", onclick: () => this.list.toEnd() },
        isPrivate && { label: "Copy link to bot", icon: "copy", onclick: () => this.copyName() },
        !isPrivate && {
          label: "Members",
          icon: "people",
          onclick: () => this.openMembers(anchor),
        },
        canBlock && state.is_blocked && this.unblockEntry(),
        canBlock && !state.is_blocked && this.blockEntry(),
      ],
      { side: "end" },
    );
  }

  blockEntry() {
    const { session } = this;
    const sentence = `${session.bot.name} can send you nothing until you unblock it.`;
    return {
      label: "Stop and block bot",
      icon: "block",
      isDanger: true,
      onclick: async () => {
        const isSure = await ask("Block bot", sentence, "Block", { isDanger: true });
        if (isSure) await this.do("block");
      },
    };
  }

  unblockEntry() {
    return { label: "Unblock bot", icon: "check", onclick: () => this.do("unblock") };
  }

  // ---- the foot ---------------------------------------------------------------------------------

  showFoot() {
    const { session, state } = this;
    const isPrivate = session.isPrivate;
    const needsStart = isPrivate && !state.has_started;
    const isBlocked = isPrivate && state.is_blocked;
    const name = isBlocked ? "restart" : needsStart ? "start" : "composer";
    if (this.foot.dataset.is === name && this.foot.firstChild) return;
    this.foot.dataset.is = name;
    const big = (label, onclick) => h("button.big", { type: "button", onclick }, label);
    if (isBlocked) this.foot.replaceChildren(big("Restart", () => this.do("start")));
    else if (needsStart) this.foot.replaceChildren(big("Start", () => this.do("start")));
    else this.foot.replaceChildren(this.composer.root);
  }

  /** Say what this chat is before anything was said. */
  showWelcome() {
    const { session, state } = this;
    const { bot } = session;
    this.welcome.hidden = state.messages.length > 0;
    if (this.welcome.hidden) return;
    const lines = session.isPrivate
      ? [
          h("strong", {}, bot.name),
          h("p", {}, `@${bot.username}`),
          h("p", {}, state.has_started ? "Nothing was said yet." : "Press Start to begin."),
        ]
      : [h("strong", {}, session.entry().title), h("p", {}, "Nothing was said here yet.")];
    this.welcome.replaceChildren(
      h("div.welcome-card", {}, chatAvatar(session.entry(), session, "large"), lines),
    );
  }

  do(deed) {
    const { session } = this;
    return guarded(async () => {
      await act(deed, { user: session.person.id });
      session.tell("sent");
    })();
  }

  // ---- messages ---------------------------------------------------------------------------------

  openMenu(view, options) {
    const canWrite = this.foot.contains(this.composer.root);
    messageMenu(view, options, {
      session: this.session,
      isMine: this.list.isMine(view.message),
      composer: canWrite ? this.composer : null,
    });
  }

  /** Return the person's last message that can be edited. */
  lastOwn() {
    return this.state?.messages.findLast((each) => this.list.isMine(each) && isEditable(each));
  }

  clicked(event) {
    const link = event.target.closest("a[href]");
    if (link && isDeep(link.href)) {
      event.preventDefault();
      follow(this.session, link.href);
    }
    const command = event.target.closest("[data-command]");
    if (command) this.composer.deliver(command.dataset.command);
    const code = event.target.closest("[data-copy]");
    if (code && !code.closest(".protected")) this.copyCode(code.textContent);
  }

  async copyCode(text) {
    if (getSelection().isCollapsed && (await copyText(text))) toast("Copied to clipboard.");
  }

  // ---- files that are dropped -------------------------------------------------------------------

  dragged(event) {
    const canTake = event.dataTransfer.types.includes("Files");
    if (!canTake || !this.foot.contains(this.composer.root)) return;
    event.preventDefault();
    this.showDrop(true);
  }

  showDrop(isShown) {
    this.drop.hidden = !isShown;
  }

  dropped(event) {
    event.preventDefault();
    this.showDrop(false);
    const [file] = event.dataTransfer.files;
    if (file) this.composer.sendFile(file);
  }
}
