/** The list of chats at the left. */

import { chatAvatar } from "./avatar.js";
import { briefly, instantOf } from "./dates.js";
import { h, icon } from "./dom.js";
import { moved } from "./popover.js";
import { typing } from "./typing.js";

/** Shows where the person can go, and where something is unread. */
export class Chats {
  /** @param {{ongo: Function}} listeners Called after a chat was chosen, even the open one. */
  constructor(session, { ongo }) {
    this.session = session;
    this.ongo = ongo;
    this.field = h("input", {
      type: "search",
      placeholder: "Search",
      "aria-label": "Search chats",
      oninput: () => this.show(),
      onkeydown: (event) => event.key === "Escape" && this.clear(),
    });
    this.body = h("div.chats-body", { onkeydown: (event) => this.walk(event) });
    this.root = h(
      "nav.chats",
      { "aria-label": "Chats" },
      h("header.chats-header", {}, h("label.search", {}, icon("search", 19), this.field)),
      this.body,
    );
    session.on("typing", () => this.show());
  }

  clear() {
    this.field.value = "";
    this.show();
  }

  show() {
    const { session } = this;
    const focused = document.activeElement?.closest(".chat-entry")?.dataset.id;
    const wanted = this.field.value.trim().toLowerCase();
    const found = session.chats.filter(({ title, preview }) =>
      `${title} ${preview ?? ""}`.toLowerCase().includes(wanted),
    );
    const none = wanted && h("p.none", {}, "No chats found");
    this.body.replaceChildren(
      ...(found.length ? found.map((entry) => this.item(entry)) : none ? [none] : []),
    );
    if (focused) this.body.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  item(entry) {
    const { session } = this;
    const isHere = session.chat === entry.id;
    return h(
      "button.chat-entry",
      {
        type: "button",
        class: isHere ? "here" : "",
        "aria-current": isHere ? "page" : null,
        "aria-label": entry.unread ? `${entry.title}, ${entry.unread} unread` : entry.title,
        title: entry.title,
        data: { id: entry.id },
        onclick: () => {
          session.goTo(entry.id);
          this.ongo();
        },
      },
      h(
        "span.chat-face",
        {},
        chatAvatar(entry, session, "large"),
        entry.unread > 0 && h("span.badge", { "aria-hidden": "true" }, String(entry.unread)),
      ),
      h(
        "span.chat-lines",
        {},
        h(
          "span.chat-line",
          {},
          entry.kind === "group" && icon("people", 17),
          h("strong", {}, entry.title),
          entry.latest > 0 && h("time", {}, briefly(instantOf(entry.latest))),
        ),
        h(
          "span.chat-line",
          {},
          this.preview(entry, isHere),
          entry.unread > 0 && h("span.badge", { "aria-hidden": "true" }, String(entry.unread)),
        ),
      ),
    );
  }

  preview(entry, isHere) {
    const { session } = this;
    if (session.typing.has(entry.id)) return h("span.preview.typing", {}, typing());
    const draft = isHere ? "" : session.draft(entry.id);
    if (draft) return h("span.preview", {}, h("em", {}, "Draft: "), draft);
    return h("span.preview", {}, entry.preview || " ");
  }

  walk(event) {
    const items = [...this.body.querySelectorAll(".chat-entry")];
    items[moved(event, items, items.indexOf(document.activeElement))]?.focus();
  }
}
