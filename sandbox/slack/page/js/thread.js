/** The panel beside a conversation that shows one thread. */

import { read } from "./api.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { MessageList } from "./message_list.js";

/** Shows the session's thread, if one is open. */
export class Thread {
  constructor(session) {
    this.session = session;
    this.list = new MessageList(session, { isThread: true });
    this.composer = new Composer(session, { isThread: true });
    this.where = h("span.where");
    const close = h(
      "button.icon-button",
      {
        type: "button",
        "aria-label": "Close thread",
        onclick: () => this.session.openThread(null),
      },
      icon("close", 18),
    );
    this.root = h(
      "aside.thread",
      {
        "aria-label": "Thread",
        hidden: true,
        onkeydown: (event) =>
          event.key === "Escape" && !event.defaultPrevented && this.session.openThread(null),
      },
      h("header.place-header", {}, h("h1", {}, "Thread"), this.where, close),
      this.list.root,
      this.composer.root,
    );
  }

  /** Show another thread, or none. */
  async open() {
    const { session } = this;
    this.root.hidden = !session.thread;
    if (!session.thread) return;
    const entry = session.entry(session.place.channel);
    this.where.textContent = entry?.kind === "im" ? session.app.name : `#${entry?.name ?? ""}`;
    this.list.reset();
    this.composer.open(session.place.channel, { label: "Reply…", thread: session.thread });
    await this.refresh();
    if (!session.focusTs) this.composer.focus();
  }

  /** Fetch and show the thread. */
  async refresh() {
    const { session } = this;
    const { person, place, thread } = session;
    if (!thread || !place) return;
    const { messages } = await read("history", {
      user: person.id,
      channel: place.channel,
      thread_ts: thread,
    });
    if (person !== session.person || place !== session.place || thread !== session.thread) return;
    this.list.show(messages, { channel: place.channel });
  }
}
