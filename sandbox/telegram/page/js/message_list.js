/** The messages of a chat, kept up to date without disturbing who reads. */

import { dayName, dayNumber, instantOf } from "./dates.js";
import { arrange, h, icon } from "./dom.js";
import { MessageView, senderName } from "./message.js";

/** Seconds within which messages of one sender stand together. */
const TOGETHER = 10 * 60;
/** Pixels from the end within which somebody is reading the newest. */
const NEAR = 90;
/** Milliseconds for which the day stays on show after somebody scrolled. */
const DAY_SHOWN = 1_200;
/** Pixels that the day takes at the top. */
const DAY_HEIGHT = 44;

/** A scrolling list of messages. */
export class MessageList {
  /**
   * @param {Session} session
   * @param {{onmenu: Function, onreply: Function}} listeners
   */
  constructor(session, listeners) {
    this.session = session;
    this.context = { session, ...listeners, onquote: (id) => this.goTo(id) };
    this.views = new Map();
    this.days = new Map();
    this.lines = new Map();
    this.inner = h("div.messages", {
      role: "log",
      "aria-label": "Messages",
      "aria-live": "polite",
      onkeydown: (event) => this.walk(event),
    });
    this.badge = h("span.badge", { hidden: true });
    this.down = h(
      "button.to-end",
      {
        type: "button",
        hidden: true,
        "aria-label": "Go to the newest",
        onclick: () => this.toEnd(),
      },
      icon("down", 24),
      this.badge,
    );
    this.scroller = h(
      "div.scroller",
      { tabindex: "-1", onscroll: () => this.scrolled() },
      this.inner,
    );
    this.root = h("div.message-list", {}, this.scroller, this.down);
    const watcher = new ResizeObserver(() => this.isAtEnd && this.toEnd());
    watcher.observe(this.inner);
    watcher.observe(this.scroller);
    this.reset();
  }

  /** Forget what is shown: another chat or person comes. */
  reset() {
    this.views.clear();
    this.days.clear();
    this.lines.clear();
    this.isAtEnd = true;
    this.isFresh = true;
    this.newFrom = null;
    this.missed = 0;
    this.inner.replaceChildren();
    this.showDown();
  }

  /**
   * Show messages, oldest first.
   *
   * @param {number} unread How many were not read before; looked at when the list is fresh.
   */
  show(messages, { chat, isGroup, unread = 0 }) {
    if (this.isFresh) this.newFrom = this.firstUnread(messages, unread);
    else this.measure();
    const before = this.views;
    this.views = new Map();
    const days = new Map();
    messages.forEach((message, index) => {
      const nodes = this.dayOf(message, days);
      if (message.id === this.newFrom)
        nodes.push(this.line("unread-line", "Unread messages"));
      nodes.push(this.nodeOf({ ...message, chat }, index, messages, { before, isGroup }));
    });
    this.put(days);
    this.settle(messages, before);
  }

  nodeOf(message, index, messages, { before, isGroup }) {
    if (message.service) return this.line("service", message.service, message.id);
    const place = {
      isGroup,
      isMine: this.isMine(message),
      isFirst: !this.isTogether(messages[index - 1], message),
      isLast: !this.isTogether(message, messages[index + 1]),
      quoted: this.quoted(message, messages),
    };
    const view = before.get(message.id) ?? new MessageView(message, place, this.context);
    view.update(message, place);
    view.node.classList.toggle("arriving", !this.isFresh && !before.has(message.id));
    this.views.set(message.id, view);
    return view.node;
  }

  isMine(message) {
    return String(message.sender) === this.session.person.id;
  }

  isTogether(one, next) {
    return (
      Boolean(one && next) &&
      !one.service &&
      !next.service &&
      next.id !== this.newFrom &&
      one.sender === next.sender &&
      dayNumber(instantOf(one.date)) === dayNumber(instantOf(next.date)) &&
      instantOf(next.date) - instantOf(one.date) < TOGETHER * 1000
    );
  }

  quoted(message, messages) {
    const id = message.reply_to?.id;
    const found = id && messages.find((each) => each.id === id);
    return found
      ? { sender: String(found.sender), name: senderName(found, this.session) }
      : undefined;
  }

  firstUnread(messages, unread) {
    const others = messages.filter((message) => !this.isMine(message));
    return unread ? (others.at(-unread)?.id ?? null) : null;
  }

  /** Return where the nodes of a message's day are collected. */
  dayOf(message, days) {
    const instant = instantOf(message.date);
    const number = dayNumber(instant);
    if (!days.has(number)) days.set(number, [this.line("day-line", dayName(instant))]);
    return days.get(number);
  }

  /** Return a line between messages: the one that is there, if it was shown before. */
  line(kind, text, id = "") {
    const key = `${kind} ${id} ${text}`;
    if (!this.lines.has(key)) {
      const role = kind === "service" ? null : "separator";
      this.lines.set(key, h(`p.${kind}`, { role }, h("span", {}, text)));
    }
    return this.lines.get(key);
  }

  put(days) {
    const sections = new Map();
    for (const [number, nodes] of days) {
      const section = this.days.get(number) ?? h("section.day");
      arrange(section, nodes);
      sections.set(number, section);
    }
    this.days = sections;
    arrange(this.inner, [...sections.values()]);
  }

  settle(messages, before) {
    const added = messages.filter((each) => !each.service && !before.has(each.id));
    const isMine = added.some((message) => this.isMine(message));
    const others = this.isFresh ? 0 : added.filter((message) => !this.isMine(message)).length;
    if (this.isFresh) this.start();
    else if (this.isAtEnd || isMine) this.toEnd();
    else this.missed += others;
    this.isFresh = false;
    this.showDown();
    this.showKeypad();
    this.rove();
  }

  /** Begin at the first that was not read, else at the end. */
  start() {
    this.toEnd();
    const line = this.inner.querySelector(".unread-line");
    if (!line || line.offsetTop >= this.scroller.scrollTop) return;
    this.isAtEnd = false;
    this.scrollTo(line.offsetTop - DAY_HEIGHT);
  }

  /** Scroll without taking it for something the reader did. */
  scrollTo(top) {
    this.scroller.scrollTop = top;
    this.ours = this.scroller.scrollTop;
  }

  showKeypad() {
    const views = [...this.views.values()].reverse();
    this.session.setKeypad(views.find((view) => view.keyboard.isKeypad)?.keyboard ?? null);
  }

  // ---- moving about -----------------------------------------------------------------------------

  /** Show a message, if it is here. */
  goTo(id) {
    this.isAtEnd = false;
    this.views.get(id)?.flash();
  }

  /** One message takes the focus by Tab; the others are reached by arrow keys. */
  rove(node = [...this.views.values()].at(-1)?.node) {
    const nodes = [...this.views.values()].map((view) => view.node);
    const focused = nodes.find((each) => each === document.activeElement) ?? node;
    for (const each of nodes) each.tabIndex = each === focused ? 0 : -1;
  }

  walk(event) {
    const steps = { ArrowUp: -1, ArrowDown: 1 };
    if (!(event.key in steps) || !event.target.matches("article")) return;
    const nodes = [...this.views.values()].map((view) => view.node);
    const next = nodes[nodes.indexOf(event.target) + steps[event.key]];
    event.preventDefault();
    if (!next) return;
    next.focus();
    this.rove(next);
  }

  scrolled() {
    this.markDays();
    if (this.measure()) this.showDay();
  }

  /** Note where the reader is; return whether they went there themselves. */
  measure() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    if (scrollTop === this.ours) return false;
    this.ours = null;
    this.isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (this.isAtEnd) this.missed = 0;
    this.showDown();
    return true;
  }

  /** Mark the days whose beginning is out of sight. */
  markDays() {
    const { top } = this.scroller.getBoundingClientRect();
    for (const section of this.days.values())
      section.classList.toggle("begun", section.getBoundingClientRect().top < top - 4);
  }

  /** Show what day it is while somebody scrolls. */
  showDay() {
    this.scroller.classList.add("moving");
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.scroller.classList.remove("moving"), DAY_SHOWN);
  }

  showDown() {
    this.down.hidden = this.isAtEnd;
    this.badge.hidden = this.missed === 0;
    this.badge.textContent = String(this.missed);
  }

  toEnd() {
    this.scrollTo(this.scroller.scrollHeight);
    this.isAtEnd = true;
    this.missed = 0;
    this.showDown();
  }
}
