/** Where people write: messages, answers, corrections, commands and files. */

import { act } from "./api.js";
import { sendFile } from "./attach.js";
import { commandItems, Suggestions } from "./commands.js";
import { h, icon, iconButton } from "./dom.js";
import { guarded } from "./guard.js";
import { gistOf, senderName } from "./message.js";
import { floating } from "./popover.js";

const TALLEST = 240;

/** The field of a chat and the buttons around it. */
export class Composer {
  /** @param {{onlast: Function}} listeners `onlast` returns the last message of the person. */
  constructor(session, { onlast }) {
    this.session = session;
    this.onlast = onlast;
    this.subject = null;
    this.build();
  }

  build() {
    this.field = h("textarea", {
      rows: 1,
      placeholder: "Message",
      "aria-label": "Message",
      oninput: () => this.typed(),
      onkeydown: (event) => this.press(event),
      onblur: () => this.suggestions.offer([]),
      onfocus: () => this.suggestions.suggest(),
      onpaste: (event) => this.pasted(event),
    });
    this.suggestions = new Suggestions(this.field, {
      onsend: (command) => this.sendCommand(command),
      oncomplete: (command) => this.complete(command),
    });
    this.menuButton = h(
      "button.bot-menu",
      {
        type: "button",
        "aria-label": "Commands of the bot",
        title: "Commands",
        "aria-haspopup": "menu",
        "aria-expanded": "false",
        onclick: () => this.openCommands(),
      },
      icon("menu", 20),
      h("span", {}, "Menu"),
    );
    this.slash = iconButton("slash", "Commands of the bot", () => this.startCommand());
    this.picker = h("input", {
      type: "file",
      hidden: true,
      onchange: () => this.picked(),
    });
    this.attach = iconButton("attach", "Send a file", () => this.picker.click());
    this.bar = h("div.subject", { hidden: true });
    this.button = h(
      "button.send",
      { type: "button", "aria-label": "Send", title: "Send", onclick: () => this.send() },
      icon("send", 24),
      icon("check", 24),
      h("span.spinner", { "aria-hidden": "true" }),
    );
    this.root = h(
      "div.composer",
      {},
      h(
        "div.composer-box",
        {},
        this.suggestions.root,
        this.bar,
        h(
          "div.composer-row",
          {},
          this.menuButton,
          this.field,
          this.slash,
          this.attach,
          this.picker,
        ),
      ),
      this.button,
    );
  }

  /** Write into a chat; what was begun there is there again. */
  open() {
    this.chat = this.session.chat;
    this.setSubject(null, { isQuiet: true });
    this.setText(this.session.draft(this.chat));
  }

  /** Offer these commands from now on. */
  offer(commands) {
    this.suggestions.commands = commands;
    const hasSome = commands.length > 0;
    this.menuButton.hidden = !hasSome || !this.session.isPrivate;
    this.slash.hidden = !hasSome || this.session.isPrivate;
    if (document.activeElement === this.field) this.suggestions.suggest();
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  // ---- what the next message is about -----------------------------------------------------------

  replyTo(message) {
    this.setSubject({ kind: "reply", message });
  }

  edit(message) {
    this.kept = this.field.value;
    this.setSubject({ kind: "edit", message });
    this.setText(message.text);
  }

  setSubject(subject, { isQuiet = false } = {}) {
    const wasEdit = this.subject?.kind === "edit";
    this.subject = subject;
    this.root.classList.toggle("editing", subject?.kind === "edit");
    this.button.setAttribute("aria-label", subject?.kind === "edit" ? "Save" : "Send");
    this.bar.hidden = !subject;
    this.bar.replaceChildren(...(subject ? this.subjectLine(subject) : []));
    if (wasEdit && !subject && !isQuiet) this.setText(this.kept ?? "");
    if (!isQuiet) this.focus();
  }

  subjectLine({ kind, message }) {
    const title =
      kind === "edit" ? "Edit message" : `Reply to ${senderName(message, this.session)}`;
    return [
      icon(kind, 22),
      h("p", {}, h("strong", {}, title), h("span", {}, gistOf(message))),
      iconButton("close", "Cancel", () => this.setSubject(null), { size: 20 }),
    ];
  }

  // ---- typing -----------------------------------------------------------------------------------

  setText(text) {
    this.field.value = text;
    this.typed();
  }

  typed() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, TALLEST)}px`;
    const isEmpty = this.field.value.trim() === "";
    this.root.classList.toggle("empty", isEmpty);
    this.button.disabled = isEmpty;
    if (this.subject?.kind !== "edit") this.session.draft(this.chat, this.field.value);
    this.suggestions.suggest();
  }

  press(event) {
    // Enter that ends a composition (Chinese, Japanese) is not ours.
    if (event.isComposing) return;
    if (this.suggestions.take(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    } else if (event.key === "Escape" && this.subject) {
      event.stopPropagation();
      this.setSubject(null);
    } else if (event.key === "ArrowUp" && !this.field.value && !this.subject) {
      const last = this.onlast();
      if (!last) return;
      event.preventDefault();
      this.edit(last);
    }
  }

  // ---- commands ---------------------------------------------------------------------------------

  openCommands() {
    if (this.closeCommands) {
      this.closeCommands();
      return;
    }
    const items = commandItems(this.suggestions.commands, (command) => {
      this.closeCommands();
      this.focus();
      this.sendCommand(command);
    });
    const list = h("div.menu.commands", { role: "menu", "aria-label": "Commands" }, items);
    this.menuButton.setAttribute("aria-expanded", "true");
    this.closeCommands = floating(this.menuButton, list, items, {
      prefersAbove: true,
      onclose: () => {
        this.closeCommands = null;
        this.menuButton.setAttribute("aria-expanded", "false");
      },
    });
  }

  startCommand() {
    this.setText("/");
    this.focus();
  }

  complete(command) {
    this.setText(`/${command} `);
    this.focus();
  }

  /** Send a command; in a group it says whose it is. */
  sendCommand(command) {
    const { bot, isPrivate } = this.session;
    this.setText("");
    this.deliver(`/${command}${isPrivate ? "" : `@${bot.username}`}`);
  }

  // ---- sending ----------------------------------------------------------------------------------

  async send() {
    const text = this.field.value.trim();
    if (!text || this.isSending) return;
    const { subject, chat } = this;
    this.subject = null;
    this.setSubject(null, { isQuiet: true });
    this.setText(subject?.kind === "edit" ? (this.kept ?? "") : "");
    if (await this.deliver(text, subject)) return;
    // Nothing that was typed is lost.
    if (this.chat !== chat) this.session.draft(chat, text);
    else if (!this.field.value) {
      this.setText(text);
      this.setSubject(subject);
    }
  }

  /** Return whether it was taken. */
  async deliver(text, subject = null) {
    const where = { user: this.session.person.id, chat: this.chat, text };
    this.setSending(true);
    const answer = await guarded(() =>
      subject?.kind === "edit"
        ? act("edit", { ...where, id: subject.message.id })
        : act("message", subject ? { ...where, reply_to: subject.message.id } : where),
    )();
    this.setSending(false);
    this.session.tell("sent");
    return Boolean(answer);
  }

  setSending(isSending) {
    this.isSending = isSending;
    this.root.classList.toggle("sending", isSending);
    this.button.setAttribute("aria-busy", String(isSending));
  }

  // ---- files ------------------------------------------------------------------------------------

  picked() {
    const [file] = this.picker.files;
    this.picker.value = "";
    if (file) this.sendFile(file);
  }

  pasted(event) {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    this.sendFile(file);
  }

  /** Ask for a caption, then send a file. */
  async sendFile(file) {
    const caption = this.field.value;
    if (await sendFile(this.session, file, caption)) this.setText("");
  }
}
