/** Where people write: messages, and slash commands with suggestions. */

import { act, Failure, sentence } from "./api.js";
import { h, icon, newId } from "./dom.js";
import { moved } from "./popover.js";
import { toast } from "./toast.js";

/** A field to write in, for a conversation or a thread. */
export class Composer {
  /** @param {{isThread?: boolean}} options Threads take no commands. */
  constructor(session, { isThread = false } = {}) {
    this.session = session;
    this.isThread = isThread;
    this.drafts = new Map();
    this.key = null;
    this.offered = [];
    this.active = -1;
    this.build();
  }

  build() {
    const listId = newId("commands");
    this.list = h("div.suggestions", {
      id: listId,
      role: "listbox",
      "aria-label": "Commands",
      hidden: true,
      onmousedown: (event) => event.preventDefault(),
    });
    this.field = h("textarea", {
      rows: 1,
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-controls": listId,
      "aria-expanded": "false",
      oninput: () => this.typed(),
      onkeydown: (event) => this.press(event),
      onblur: () => this.offer([]),
      onfocus: () => this.suggest(),
    });
    this.button = h(
      "button.send",
      {
        type: "button",
        "aria-label": "Send",
        title: "Send",
        disabled: true,
        onclick: () => this.send(),
      },
      icon("send", 18),
      h("span.spinner", { "aria-hidden": "true" }),
    );
    const slash =
      !this.isThread &&
      h(
        "button.tool",
        { type: "button", title: "Commands of the app", onclick: () => this.startCommand() },
        h("kbd", {}, "/"),
        "Commands",
      );
    const keys = h("span.keys", {}, h("kbd", {}, "Enter"), " to send");
    this.root = h(
      "div.composer",
      {},
      this.list,
      h(
        "div.composer-box",
        {},
        this.field,
        h("div.composer-foot", {}, slash || h("span"), keys, this.button),
      ),
    );
  }

  /** Write for a conversation; what was begun there is there again. */
  open(channel, { label, thread = null }) {
    const key = `${this.session.person.id} ${channel} ${thread ?? ""}`;
    if (key === this.key) return;
    if (this.key) this.drafts.set(this.key, this.field.value);
    this.key = key;
    this.channel = channel;
    this.thread = thread;
    this.field.value = this.drafts.get(key) ?? "";
    this.field.placeholder = label;
    this.field.setAttribute("aria-label", label);
    this.fit();
    this.offer([]);
  }

  focus() {
    this.field.focus({ preventScroll: true });
  }

  startCommand() {
    if (!this.field.value.startsWith("/")) this.field.value = `/${this.field.value}`;
    this.focus();
    this.typed();
  }

  typed() {
    this.fit();
    this.suggest();
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, 220)}px`;
    this.button.disabled = this.field.value.trim() === "";
  }

  suggest() {
    const found = /^\/(\S*)$/.exec(this.field.value);
    const start = found?.[1].toLowerCase();
    const fits = (entry) => entry.command.slice(1).toLowerCase().startsWith(start);
    this.offer(found && !this.isThread ? this.session.app.commands.filter(fits) : []);
  }

  offer(commands) {
    this.offered = commands.map((entry) => ({ entry, node: this.suggestion(entry) }));
    this.list.hidden = commands.length === 0;
    this.field.setAttribute("aria-expanded", String(commands.length > 0));
    this.field.removeAttribute("aria-activedescendant");
    this.list.replaceChildren(
      h("p.group", { "aria-hidden": "true" }, this.session.app.name),
      ...this.offered.map(({ node }) => node),
    );
    this.activate(commands.length > 0 ? 0 : -1);
  }

  suggestion(entry) {
    const hint = entry.usage_hint && h("span.hint", {}, entry.usage_hint);
    return h(
      "div.option",
      {
        id: newId("command"),
        role: "option",
        "aria-selected": "false",
        onclick: () => this.complete(entry),
      },
      h("strong", {}, entry.command),
      hint,
      h("span.description", {}, entry.description),
    );
  }

  activate(index) {
    this.offered[this.active]?.node.setAttribute("aria-selected", "false");
    this.active = index;
    const node = this.offered[index]?.node;
    if (!node) return;
    node.setAttribute("aria-selected", "true");
    node.scrollIntoView({ block: "nearest" });
    this.field.setAttribute("aria-activedescendant", node.id);
  }

  complete(entry) {
    this.field.value = `${entry.command} `;
    this.focus();
    this.typed();
  }

  press(event) {
    // Enter that ends a composition (Chinese, Japanese) is not ours.
    if (event.isComposing) return;
    const active = this.offered[this.active];
    if (active && event.key === "Escape") {
      event.stopPropagation();
      this.offer([]);
    } else if (active && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      this.activate(moved(event, this.offered, this.active));
    } else if (
      active &&
      (event.key === "Tab" || (event.key === "Enter" && active.entry.command !== this.field.value))
    ) {
      event.preventDefault();
      this.complete(active.entry);
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.send();
    }
  }

  async send() {
    const text = this.field.value.trim();
    if (!text || this.isSending) return;
    if (this.isThread && text.startsWith("/")) {
      toast("Commands do not work in threads. Type it in the conversation.");
      return;
    }
    const { key } = this;
    this.setSending(true);
    this.field.value = "";
    this.typed();
    const error = await this.deliver(text);
    this.setSending(false);
    if (!error) return;
    toast(sentence(error));
    // Nothing that was typed is lost.
    if (this.key !== key) this.drafts.set(key, text);
    else if (!this.field.value) this.field.value = text;
    this.fit();
  }

  /** Return what went wrong, if anything. */
  async deliver(text) {
    const where = { user: this.session.person.id, channel: this.channel, text };
    try {
      const answer = text.startsWith("/")
        ? await act("command", where)
        : await act("message", this.thread ? { ...where, thread_ts: this.thread } : where);
      return answer.ok ? null : answer.error;
    } catch (problem) {
      if (!(problem instanceof Failure)) throw problem;
      return problem.message;
    }
  }

  setSending(isSending) {
    this.isSending = isSending;
    this.root.classList.toggle("sending", isSending);
    this.button.setAttribute("aria-busy", String(isSending));
  }
}
