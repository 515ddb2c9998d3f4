/** The messages of a conversation or a thread, kept up to date without disturbing who reads. */

import { dayName, dayNumber, instantOf } from "./dates.js";
import { h, icon } from "./dom.js";
import { messageRow } from "./message.js";

/** Seconds within which messages of one person stand under one name. */
const TOGETHER = 5 * 60;
/** Pixels from the end within which somebody is reading the newest. */
const NEAR = 80;

/** A scrolling list of messages. */
export class MessageList {
  /**
   * @param {Session} session
   * @param {{isThread?: boolean, empty?: Function}} options `empty` returns what stands there
   *   before the first message.
   */
  constructor(session, { isThread = false, intro = null } = {}) {
    this.session = session;
    this.isThread = isThread;
    this.intro = intro;
    this.rows = new Map();
    this.inner = h("div.messages", {
      role: "log",
      "aria-label": isThread ? "Thread" : "Messages",
      "aria-live": "polite",
    });
    this.pill = h(
      "button.pill",
      { type: "button", hidden: true, onclick: () => this.toEnd() },
      icon("down", 15),
      "New messages",
    );
    this.scroller = h(
      "div.scroller",
      { tabindex: "-1", onscroll: () => this.scrolled() },
      this.inner,
    );
    this.root = h("div.message-list", {}, this.scroller, this.pill);
    this.watcher = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    this.watcher.observe(this.inner);
    this.watcher.observe(this.scroller);
    this.reset();
  }

  /** Forget what is shown: another conversation or person comes. */
  reset() {
    this.rows.clear();
    this.isAtEnd = true;
    this.isFresh = true;
    this.newFrom = null;
    this.pill.hidden = true;
    this.inner.replaceChildren(
      h("div.skeleton", { "aria-hidden": "true" }, ...Array.from({ length: 4 }, () => h("i"))),
    );
  }

  /**
   * Show messages, oldest first.
   *
   * @param {string|null} newFrom The first message that was not read before.
   */
  show(messages, { channel, newFrom = null } = {}) {
    if (this.isFresh) this.newFrom = newFrom;
    const nodes = this.intro ? [this.intro(messages)] : [];
    const kept = new Map();
    let before = null;
    messages.forEach((message, index) => {
      const divider = this.dividerBefore(before, message, index);
      if (divider) nodes.push(divider);
      const isFollowing = !divider && follows(before, message);
      const row = this.row(message, channel, isFollowing);
      kept.set(message.ts, row);
      nodes.push(row.node);
      before = message;
    });
    const hasMore = !this.isFresh && messages.length > 0 && !this.rows.has(messages.at(-1).ts);
    this.rows = kept;
    this.put(nodes);
    this.settle(hasMore, messages.at(-1));
  }

  settle(hasMore, last) {
    if (this.isFresh || this.isAtEnd || (hasMore && last.user === this.session.person.id))
      this.toEnd();
    else if (hasMore) this.pill.hidden = false;
    this.isFresh = false;
    const focused = this.session.focusTs && this.rows.get(this.session.focusTs);
    if (!focused) return;
    this.session.focusTs = null;
    this.isAtEnd = false;
    focused.node.scrollIntoView({ block: "center" });
    focused.node.classList.add("flash");
  }

  /** Return a message's row: the one that is there if nothing about it changed. */
  row(message, channel, isFollowing) {
    const key = JSON.stringify([
      message,
      isFollowing,
      this.session.person.id,
      this.session.edition,
    ]);
    const old = this.rows.get(message.ts);
    if (old?.key === key) return old;
    const onthread = this.isThread
      ? null
      : () => this.session.openThread(message.thread_ts ?? message.ts);
    const node = messageRow(message, { session: this.session, channel, isFollowing, onthread });
    if (old) keepFocus(old.node, node);
    return { key, node };
  }

  dividerBefore(before, message, index) {
    const { person } = this.session;
    const at = instantOf(message.ts);
    const isNew = message.ts === this.newFrom;
    if (this.isThread) {
      if (index !== 1) return null;
      return h("div.divider.count", { role: "separator" }, h("span", {}, "Replies"));
    }
    const isNewDay = !before || dayNumber(person, instantOf(before.ts)) !== dayNumber(person, at);
    if (!isNewDay && !isNew) return null;
    return h(
      `div.divider${isNew ? ".new" : ""}`,
      { role: "separator" },
      isNewDay && h("span", {}, dayName(person, at)),
      isNew && h("em", {}, "New"),
    );
  }

  /** Put nodes in place, leaving alone what is where it belongs. */
  put(nodes) {
    let next = this.inner.firstChild;
    for (const node of nodes) {
      if (node === next) next = next.nextSibling;
      else this.inner.insertBefore(node, next);
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
    for (const { node } of this.rows.values()) node.refocus?.();
  }

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.isAtEnd) this.pill.hidden = true;
  }

  toEnd() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.isAtEnd = true;
    this.pill.hidden = true;
  }
}

function follows(before, message) {
  return (
    before !== null &&
    before.user === message.user &&
    before.ephemeral === message.ephemeral &&
    !before.reply_count &&
    Number(message.ts) - Number(before.ts) < TOGETHER
  );
}

/** Give the focus to the same control of a message's new version. */
function keepFocus(old, node) {
  const focused =
    old.contains(document.activeElement) && document.activeElement.closest("[data-action]");
  if (!focused) return;
  const { action } = focused.dataset;
  node.refocus = () => {
    delete node.refocus;
    node.querySelector(`[data-action="${CSS.escape(action)}"]`)?.focus({ preventScroll: true });
  };
}
